from __future__ import annotations

import json
from uuid import UUID

import pytest

from cds_service.client import HookRequest
from cds_service.errors import MalformedRequest
from tests.made_up import bundle, finding, order, request

TEXT = b'{ "hook": "order-sign",\n "hookInstance": "x", "context": {"dose": 2.50, "big": 1e400} }'


def test_a_request_is_kept_as_it_was_written():
    assert HookRequest.read(TEXT).body == TEXT


def test_a_fresh_request_is_another_instance_and_otherwise_the_same():
    fresh = HookRequest.read(TEXT).fresh()
    assert UUID(fresh.content["hookInstance"]).version == 4
    assert b'"context":{"dose": 2.50, "big": 1e400}' in fresh.body
    assert list(json.loads(fresh.body)) == ["hook", "hookInstance", "context"]


def test_a_member_that_was_not_there_is_added():
    assert HookRequest.read(TEXT).having(fhirServer="http://h").content["fhirServer"] == "http://h"


@pytest.mark.parametrize("body", [b"", b"[]", b'"order-sign"', b'{"hook": '])
def test_what_is_no_object_is_no_request(body: bytes):
    with pytest.raises(MalformedRequest):
        HookRequest.read(body)


@pytest.mark.parametrize("hook", [None, 7, {"a": 1}])
def test_a_hook_is_a_text(hook: object):
    assert HookRequest.read(json.dumps({"hook": hook}).encode()).hook is None


def test_a_resource_is_found_wherever_it_stands_and_the_draft_before_the_chart():
    stored = order(status="active")
    message = request(order(), chart=(stored, finding()))
    message["context"]["tasks"] = [{"resourceType": "Task", "id": "t1"}]
    message["prefetch"]["pages"] = bundle(bundle(finding(id="f9")))
    found = HookRequest.read(json.dumps(message).encode()).resource
    assert found("ServiceRequest/o1") == order()
    assert found("Task/t1") == {"resourceType": "Task", "id": "t1"}
    assert found("Observation/f9") == finding(id="f9")
    assert found("ServiceRequest/o2") is None

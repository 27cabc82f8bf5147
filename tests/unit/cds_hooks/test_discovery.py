from typing import Any

import pytest

from cds_service.cds_hooks import Discovery, Service, to_json_object

from . import messages
from .messages import refused_at


def service(**changes: object) -> dict[str, Any]:
    return messages.discovery()["services"][0] | changes


@pytest.mark.requirement("D1")
def test_no_services_are_an_empty_array():
    assert to_json_object(Discovery(services=())) == {"services": []}


def test_a_service_needs_hook_description_and_id_only():
    written = to_json_object(Service(hook="patient-view", description="Greets", id="greeter"))
    assert written == {"hook": "patient-view", "description": "Greets", "id": "greeter"}


@pytest.mark.requirement("D2")
@pytest.mark.parametrize("member", ["hook", "description", "id"])
def test_a_required_member_is_a_string_with_content(member: str):
    incomplete = service()
    del incomplete[member]
    for wrong in (incomplete, service(**{member: ""}), service(**{member: None}), service(**{member: 1})):
        with refused_at(member):
            Service.read(wrong)


@pytest.mark.requirement("D5")
@pytest.mark.parametrize("member", ["title", "usageRequirements"])
def test_an_optional_text_is_not_empty(member: str):
    with refused_at(member):
        Service.read(service(**{member: ""}))


@pytest.mark.requirement("D2")
@pytest.mark.parametrize(("prefetch", "path"), [([], "prefetch"), ({"k": 1}, "prefetch.k"), ({"k": ""}, "prefetch.k")])
def test_prefetch_maps_keys_to_templates(prefetch: object, path: str):
    with refused_at(path):
        Service.read(service(prefetch=prefetch))


@pytest.mark.requirement("X1")
def test_extension_is_an_object():
    with refused_at("extension"):
        Service.read(service(extension=[]))


@pytest.mark.requirement("D4")
def test_one_id_may_serve_several_hooks():
    services = [service(), service(hook="order-select")]
    assert len(Discovery.read({"services": services}).services) == 2


def test_one_id_serves_a_hook_once():
    with refused_at("services[2].id"):
        Discovery.read({"services": [service(), service(hook="order-select"), service(title="Again")]})

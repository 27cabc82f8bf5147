from decimal import Decimal
from typing import Any

import pytest

from cds_service.cds_hooks import (
    CONTEXTS,
    FhirAuthorization,
    OrderSignContext,
    Request,
    parse,
    to_json_object,
)

from . import messages
from .messages import CANARY, HOOKS, refused_at

WRONG_TYPES = [
    ("hook", 1, "hook"),
    ("hookInstance", [1], "hookInstance"),
    ("fhirServer", ["https://example.org"], "fhirServer"),
    ("context", [], "context"),
    ("context", None, "context"),
    ("prefetch", [1], "prefetch"),
    ("prefetch", "none", "prefetch"),
    ("extension", [{}], "extension"),
    ("fhirAuthorization", "Bearer x", "fhirAuthorization"),
    ("fhirAuthorization", {"access_token": 7}, "fhirAuthorization.access_token"),
]


def request(**changes: object) -> Request[Any]:
    return parse(messages.request() | changes, hook="order-sign")


@pytest.mark.requirement("Q1")
@pytest.mark.parametrize("hook", HOOKS)
def test_the_context_is_read_as_that_of_the_hook(hook: str):
    assert type(parse(messages.request(hook), hook=hook).context) is CONTEXTS[hook]


def test_a_request_of_a_known_hook_has_a_typed_context():
    request = Request[OrderSignContext].read(messages.request())
    assert request.context.draft_orders["resourceType"] == "Bundle"


def test_the_service_decides_the_hook():
    """The URL names the service; the sandbox sends whatever hook is current in its window."""
    request = parse(messages.request() | {"hook": "order-select"}, hook="order-sign")
    assert request.hook == "order-select"
    assert isinstance(request.context, OrderSignContext)


def test_a_hook_we_do_not_know_is_our_own_mistake():
    with pytest.raises(KeyError, match="order-review"):
        parse(messages.request(), hook="order-review")


@pytest.mark.requirement("Q1")
@pytest.mark.parametrize(("member", "wrong", "path"), WRONG_TYPES)
def test_a_member_of_the_wrong_type_is_refused(member: str, wrong: object, path: str):
    with refused_at(path):
        request(**{member: wrong})


@pytest.mark.parametrize("member", ["extension", "fhirAuthorization", "prefetch"])
@pytest.mark.parametrize("nothing", [None, "", [], {}], ids=repr)
def test_nothing_is_nothing_however_it_is_written(member: str, nothing: object):
    assert not to_json_object(request(**{member: nothing})).get(member)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(300, 300), ("300", 300), (Decimal("300.0"), 300), ("soon", None), (True, None), (Decimal("1e99999"), None)],
    ids=repr,
)
def test_what_nothing_rests_on_refuses_no_request(written: object, seconds: int | None):
    access = {"access_token": "t", "expires_in": written, "scope": ["user/*.read"], "subject": 7}
    read = request(fhirAuthorization=access)
    assert read.bearer_token is not None
    assert read.fhir_authorization.expires_in == seconds


def test_an_id_that_decides_nothing_may_be_a_number():
    context = messages.request()["context"] | {"userId": 12, "encounterId": 34}
    read = request(hookInstance=56, context=context)
    assert (read.hook_instance, read.context.user_id, read.context.encounter) == ("56", "12", "34")


@pytest.mark.requirement("Q1")
def test_a_request_without_context_is_refused():
    body = messages.request()
    del body["context"]
    with refused_at("context"):
        parse(body, hook="order-sign")


def test_a_fault_in_the_context_is_named_from_the_top():
    with refused_at("context.patientId"):
        request(context={"draftOrders": {}})
    with refused_at("context.draftOrders.entry"):
        request(context={"patientId": "p", "draftOrders": {"entry": {}}})


def test_context_alone_is_enough():
    request = parse({"context": messages.context("order-sign")}, hook="order-sign")
    assert (request.hook, request.hook_instance, request.fhir_server) == (None, None, None)
    assert (request.prefetch, request.extension, request.bearer_token) == (None, None, None)


@pytest.mark.requirement("Q3")
@pytest.mark.parametrize("instance", ["not-a-uuid", "", None])
def test_hook_instance_is_kept_as_sent(instance: str | None):
    assert request(hookInstance=instance).hook_instance == instance


def test_prefetch_is_the_very_object_that_was_sent():
    sent = {"labs": {"resourceType": "Bundle", "value": Decimal("1.500")}, "coverage": None}
    read = request(prefetch=sent)
    assert read.prefetch is sent
    assert to_json_object(read)["prefetch"] is sent


def test_null_prefetch_is_no_prefetch():
    assert request(prefetch=None).prefetch is None


@pytest.mark.requirement("X1")
def test_extension_is_the_very_object_that_was_sent():
    sent = {"davinci-crd.configuration": {"alt-drug": True}}
    assert request(extension=sent).extension is sent


@pytest.mark.requirement("F1")
def test_the_access_token_is_for_the_bearer():
    token = request().bearer_token
    assert token is not None
    assert token.get_secret_value() == "opaque-token"


@pytest.mark.parametrize("access", [None, {}, {"access_token": ""}, {"access_token": " "}], ids=repr)
def test_an_empty_access_token_is_no_token(access: dict[str, Any] | None):
    assert request(fhirAuthorization=access).bearer_token is None


@pytest.mark.requirement("F2")
def test_the_access_token_is_not_shown_or_written():
    read = request(fhirAuthorization={"access_token": CANARY, "subject": "s"})
    assert CANARY not in f"{read} {read!r} {read.fhir_authorization!r} {to_json_object(read)!r}"
    assert to_json_object(read)["fhirAuthorization"] == {"subject": "s"}


@pytest.mark.requirement("F1")
def test_oauth_names_are_not_camel_case():
    access = FhirAuthorization.read({"access_token": "t", "expires_in": 30, "accessToken": "other"})
    assert access.expires_in == 30
    assert access.model_extra == {"accessToken": "other"}


def test_a_repr_shows_no_chart():
    read = request(prefetch={CANARY: CANARY}, context={"patientId": CANARY, "draftOrders": {}, CANARY: CANARY})
    assert CANARY not in f"{read} {read!r} {read.context!r}"

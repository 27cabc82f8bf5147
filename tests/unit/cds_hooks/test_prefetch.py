from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cds_hooks import (
    OrderDispatchContext,
    OrderSignContext,
    PrefetchState,
    ProtocolError,
    check,
    fill,
    state_of,
    tokens,
)

from .messages import refused_at

LEGAL = [
    "Patient/{{context.patientId}}",
    "Encounter/{{context.encounterId}}",
    "Patient/123",
    "{{context.userId}}",
    "Practitioner/{{userPractitionerId}}",
    "PractitionerRole?_id={{userPractitionerRoleId}}",
    "Coverage?patient={{context.patientId}}&status=active",
    "Condition?patient={{context.patientId}}&clinical-status=active,recurrence",
    "Observation?patient={{context.patientId}}&code=http://loinc.org|4548-4&_count=1&_sort=-date",
    "Observation?patient={{context.patientId}}&code:in=http://example.org/ValueSet/hba1c",
    "Observation?patient={{context.patientId}}&date=ge2025-01-01&date=lt2026-01-01",
    "DiagnosticReport?patient={{context.patientId}}&code=sa1234",
]

ILLEGAL = {
    "may use these tokens only": [
        "Patient/{{ context.patientId }}",
        "Patient/{{}}",
        "Patient/{{patientId}}",
        "Patient/{{context.nothing}}",
        "ServiceRequest?_id={{context.draftOrders.ServiceRequest.id}}",
        "ServiceRequest?_id={{context.draftOrders}}",
        "Observation?date=gt{{today() - 90 days}}",
        "Practitioner?_id={{%roles.entry.resource.practitioner.resolve().id}}",
    ],
    "must write tokens": [
        "Patient?_id={{context.patientId",
        "Patient?_id={context.patientId}",
        "Patient?_id={{{context.patientId}}}",
        "Patient?_id=context.patientId}}",
    ],
    "must be a read .* or a search": [
        "",
        "{{context.patientId}}",
        "Patient",
        "Patient/",
        "Patient?",
        "patient/1",
        "patient?_id=1",
        "Patient/{{context.patientId}}/_history",
        "Patient/{{context.patientId}}/$everything",
        "Patient/{{context.patientId}}/Condition?code=x",
        "/Patient/{{context.patientId}}",
        "https://example.org/fhir/Patient/{{context.patientId}}",
    ],
    "must keep to the search parameters": [
        "Observation?patient",
        "Observation?patient=",
        "Observation?=x",
        "Observation?patient={{context.patientId}}&&code=x",
        "PractitionerRole?_id={{userPractitionerRoleId}}&_include=PractitionerRole:practitioner",
        "Patient?_id={{context.patientId}}&_revinclude=Condition:subject",
        "Patient?_has:Observation:patient:code=1234-5",
        "Observation?patient.name=peter",
        "Observation?subject:Patient.name=peter",
        "Observation?code:not=4548-4",
        "Condition?code:text=pain",
        "Observation?patient={{context.patientId}}&sort:desc=date",
        "Observation?patient={{context.patientId}}&_summary=count",
        "Observation?patient={{context.patientId}}&date=ap2025-01",
        "Observation?patient={{context.patientId}}&date=ne2025-01-01",
    ],
}

SELF = "https://ehr.example.org/fhir/Condition?_id="
CONTEXT = OrderSignContext(patient_id="Patient/p-1", user_id="Practitioner/u-1", draft_orders={}, unknown="x")


def bundle(*entries: object, **links: str) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": relation.rstrip("_"), "url": url} for relation, url in links.items()],
        "entry": [*entries],
    }


def outcome(severity: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": "processing"}
    return {"resource": {"resourceType": "OperationOutcome", "issue": [issue]}, "search": {"mode": "outcome"}}


PIECES = st.sampled_from(["{{context.patientId}}", "{{", "}}", "{", "}", "context.patientId", "x", "Patient/"])

FOUND = {"resource": {"resourceType": "Condition", "id": "c-1"}}


def test_tokens_come_in_order():
    assert tokens("{{context.userId}}/x?{{userPatientId}}={{}}") == ("context.userId", "userPatientId", "")
    assert tokens("Patient/1") == ()


@pytest.mark.requirement("P1", "P2", "P4")
@pytest.mark.parametrize("template", LEGAL)
def test_a_template_of_2_0_passes(template: str):
    check(template, key="k", hook="order-sign")


@pytest.mark.requirement("P1", "P2", "P4")
@pytest.mark.parametrize(
    ("template", "reason"), [(template, reason) for reason in ILLEGAL for template in ILLEGAL[reason]]
)
def test_a_template_that_2_0_does_not_allow_is_refused(template: str, reason: str):
    with pytest.raises(ProtocolError, match=f"^`prefetch.k` {reason}"):
        check(template, key="k", hook="order-sign")


@pytest.mark.requirement("P2")
def test_the_hook_decides_which_tokens_are_allowed():
    check("{{context.performer}}", key="performer", hook="order-dispatch")
    for token in ("userId", "encounterId", "dispatchedOrders", "fulfillmentTasks"):
        with refused_at("prefetch.k"):
            check(f"Basic?code={{{{context.{token}}}}}", key="k", hook="order-dispatch")


def test_a_refusal_names_the_tokens_that_are_allowed():
    with pytest.raises(ProtocolError, match=r"`context\.patientId`, `context\.userId`"):
        check("Basic/{{context.x}}", key="k", hook="order-sign")


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("Patient/{{context.patientId}}", "Patient/p-1"),
        ("Patient/7", "Patient/7"),
        ("{{context.userId}}", "Practitioner/u-1"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/u-1"),
        ("Basic?a={{context.patientId}}&b={{context.patientId}}", "Basic?a=p-1&b=p-1"),
        ("Encounter/{{context.encounterId}}", None),
        ("PractitionerRole/{{userPractitionerRoleId}}", None),
        ("Basic?a={{context.draftOrders}}", None),
        ("Basic?a={{context.draftOrders.id}}", None),
        ("Basic?a={{context.nothing}}", None),
        ("Basic?a={{context.unknown}}", None),
        ("Basic?a={{today()}}", None),
        ("Basic?a={{}}", None),
        ("Patient/{{context.patientId", None),
        ("Patient/{{{{context.patientId}}}}", None),
        ("Patient/1}}", None),
    ],
)
def test_a_template_is_filled_from_the_context_or_not_at_all(template: str, url: str | None):
    assert fill(template, CONTEXT) == url


def test_the_encounter_is_filled_in_bare():
    context = OrderSignContext(patient_id="p", encounter_id="Encounter/e-1", draft_orders={})
    assert fill("Encounter/{{context.encounterId}}", context) == "Encounter/e-1"


def test_the_user_may_be_given():
    assert (
        fill("PractitionerRole/{{userPractitionerRoleId}}", CONTEXT, user="PractitionerRole/r") == "PractitionerRole/r"
    )
    assert fill("Practitioner/{{userPractitionerId}}", CONTEXT, user="PractitionerRole/r") is None
    assert fill("Practitioner/{{userPractitionerId}}", CONTEXT, user="u-1") is None


def test_the_performer_is_a_token_of_order_dispatch():
    context = OrderDispatchContext(
        patient_id="p", performer="Organization/o-1", dispatched_orders=("ServiceRequest/1",)
    )
    assert fill("{{context.performer}}", context) == "Organization/o-1"
    assert fill("ServiceRequest?_id={{context.dispatchedOrders}}", context) is None


def test_a_value_is_url_encoded():
    context = OrderSignContext(patient_id="a&b=c d#{{e}}", draft_orders={})
    assert fill("Patient/{{context.patientId}}", context) == "Patient/a%26b%3Dc%20d%23%7B%7Be%7D%7D"


@pytest.mark.parametrize("step", [".", "..", "../..", "a/../b", "Patient/.."])
def test_a_value_cannot_climb_out_of_its_path(step: str):
    context = OrderSignContext(patient_id="p", user_id=step, draft_orders={})
    assert fill("{{context.userId}}", context) is None


def test_only_a_reference_keeps_its_slash():
    context = OrderSignContext(patient_id="p", user_id="Practitioner/1/$expunge", draft_orders={})
    assert fill("{{context.userId}}", context) == "Practitioner%2F1%2F%24expunge"


@given(template=st.lists(PIECES).map("".join), patient=st.text(min_size=1))
def test_no_token_is_ever_left_behind(template: str, patient: str):
    context = OrderSignContext.model_construct(patient_id=patient, draft_orders={})
    url = fill(template, context)
    assert url is None or ("{{" not in url and "}}" not in url)


@pytest.mark.requirement("P5")
@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, PrefetchState.NONE),
        ({"resourceType": "OperationOutcome"}, PrefetchState.FAILED),
        ({"resourceType": "Patient"}, PrefetchState.SUPPLIED),
        ({"resourceType": "Bundle"}, PrefetchState.EMPTY),
        ({"resourceType": "Bundle", "entry": None}, PrefetchState.EMPTY),
        (bundle(), PrefetchState.EMPTY),
        (bundle(self=f"{SELF}c-1"), PrefetchState.EMPTY),
        (bundle(FOUND, self=f"{SELF}c-1"), PrefetchState.SUPPLIED),
        (bundle(FOUND, next=f"{SELF}c-1&page=2"), PrefetchState.PARTIAL),
        (bundle(next=f"{SELF}c-1&page=2"), PrefetchState.PARTIAL),
        (bundle(self=f"{SELF}{{{{context.x}}}}"), PrefetchState.MISSING),
        (bundle(self=f"{SELF}%7B%7Bcontext.x%7D%7D"), PrefetchState.MISSING),
        (bundle(self=f"{SELF}%7b%7bcontext.x%7d%7d"), PrefetchState.MISSING),
        (bundle(outcome("error")), PrefetchState.FAILED),
        (bundle(outcome("fatal")), PrefetchState.FAILED),
        (bundle({"resource": {"resourceType": "OperationOutcome"}}), PrefetchState.FAILED),
        (bundle(FOUND, outcome("error")), PrefetchState.PARTIAL),
        (bundle(outcome("warning")), PrefetchState.EMPTY),
        (bundle(FOUND, outcome("information")), PrefetchState.SUPPLIED),
        ({"resourceType": "Bundle", "entry": {}, "link": 3}, PrefetchState.EMPTY),
        ({"resourceType": "Bundle", "entry": "x"}, PrefetchState.MISSING),
        ({"resourceType": "Bundle", "link": ["x", {"relation": "next"}]}, PrefetchState.PARTIAL),
        ({"response": {"status": "200"}, "resource": {"resourceType": "Patient"}}, PrefetchState.MISSING),
        ({}, PrefetchState.MISSING),
        ([], PrefetchState.MISSING),
        ("Patient", PrefetchState.MISSING),
    ],
)
def test_the_value_of_a_key_tells_its_state(value: object, state: PrefetchState):
    assert state_of({"key": value}, "key") is state


@pytest.mark.requirement("P5")
@pytest.mark.parametrize("prefetch", [None, {}, {"other": {"resourceType": "Patient"}}])
def test_a_key_that_is_not_there_is_missing(prefetch: dict[str, Any] | None):
    assert state_of(prefetch, "key") is PrefetchState.MISSING

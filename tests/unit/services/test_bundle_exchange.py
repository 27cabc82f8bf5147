from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import MalformedRequest, NothingToEvaluate
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from cds_service.necessity.model import Outcome
from cds_service.services.bundle_exchange import exchange_of_bundle, exchange_of_orders
from cds_service.services.evaluation import Exchange, evaluate
from tests.made_up import PATIENT, bundle, finding, made_up_policies, order

HERE, THERE = "urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:22222222-2222-4222-8222-222222222222"
OTHER_PATIENT = {"resourceType": "Patient", "id": "p2"}
OF_OTHER = {"subject": {"reference": "Patient/p2"}}


def outcomes(exchange: Exchange) -> list[Outcome]:
    found = evaluate(exchange, made_up_policies(), received=Date((2026, 2, 1)))
    return [one.outcome for one in found.determinations]


def transaction(*entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    made: list[dict[str, Any]] = [{"fullUrl": url, "resource": one} for url, one in entries]
    return {"resourceType": "Bundle", "type": "transaction", "entry": made}


def nameless(resource: dict[str, Any], subject: str | None = None) -> dict[str, Any]:
    made = {key: value for key, value in resource.items() if key != "id"}
    return {**made, "subject": {"reference": subject}} if subject else made


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch", "searchset", "document", "none"])
def test_the_type_of_a_bundle_does_not_matter(kind: str):
    exchange = exchange_of_bundle(bundle(PATIENT, order(), finding(), kind=kind))
    assert exchange.patient_id == "p1"
    assert outcomes(exchange) == [Outcome.MET]


def test_drafts_are_orders_and_all_else_is_chart():
    signed = order("o2", status="active")
    exchange = exchange_of_bundle(bundle(PATIENT, order(), signed, finding()))
    assert exchange.drafts == (order(),)
    assert exchange.chart == (PATIENT, signed, finding())


def test_a_single_request_is_a_bundle_of_one():
    assert exchange_of_bundle(order()).drafts == (order(),)


def test_the_entries_of_a_transaction_go_by_their_full_urls():
    """Nothing has an id yet; the references are the fullUrls of other entries."""
    made = transaction((HERE, nameless(PATIENT)), (THERE, nameless(finding(), HERE)), ("", nameless(order(), HERE)))
    exchange = exchange_of_bundle(made)
    assert exchange.patient_id == HERE.removeprefix("urn:uuid:")
    assert [one["resourceType"] for one in exchange.chart] == ["Patient", "Observation"]
    assert outcomes(exchange) == [Outcome.MET]


def test_what_has_an_id_keeps_it():
    exchange = exchange_of_bundle(transaction(("https://example.org/Patient/other", PATIENT), ("", order())))
    assert exchange.patient_id == "p1"


def test_without_a_patient_the_orders_say_who_it_is():
    assert exchange_of_bundle(bundle(order(), finding())).patient_id == "p1"


@pytest.mark.parametrize("reference", ["https://example.org/fhir/Patient/p7", "Patient/p7/_history/2"])
def test_a_subject_is_understood_in_any_form(reference: str):
    assert exchange_of_bundle(order(subject={"reference": reference})).patient_id == "p7"


@pytest.mark.parametrize(
    "resources",
    [
        (PATIENT, OTHER_PATIENT, order(), order("o2", **OF_OTHER)),
        (order(subject={"display": "somebody"}),),
        (order(subject={"reference": "Group/g1"}),),
        ({"resourceType": "Patient"}, order(subject=None)),
    ],
)
def test_an_unclear_patient_has_to_be_named(resources: tuple[dict[str, Any], ...]):
    with pytest.raises(MalformedRequest, match="--patient"):
        exchange_of_bundle(bundle(*resources))


def test_among_several_patients_the_orders_decide():
    assert exchange_of_bundle(bundle(PATIENT, OTHER_PATIENT, order())).patient_id == "p1"


@pytest.mark.parametrize("chosen", ["p2", "Patient/p2"])
def test_the_named_patients_orders_count(chosen: str):
    exchange = exchange_of_bundle(bundle(PATIENT, OTHER_PATIENT, order(), order("o2", **OF_OTHER)), patient_id=chosen)
    assert exchange.patient_id == "p2"
    assert [one["id"] for one in exchange.drafts] == ["o2"]


def test_another_patients_order_is_never_judged_on_this_chart():
    with pytest.raises(NothingToEvaluate, match="no order is for the patient"):
        exchange_of_bundle(bundle(PATIENT, order(**OF_OTHER), finding()))


@pytest.mark.parametrize("resources", [(), (PATIENT, finding()), (order(status="active"),)])
def test_without_a_draft_there_is_nothing_to_evaluate(resources: tuple[dict[str, Any], ...]):
    with pytest.raises(NothingToEvaluate, match="draft"):
        exchange_of_bundle(bundle(*resources))


def test_orders_beside_a_chart_count_in_any_status():
    exchange = exchange_of_orders([order(status="active"), bundle(order("o2", "refit"))], [bundle(PATIENT, finding())])
    assert [one["id"] for one in exchange.drafts] == ["o1", "o2"]
    assert outcomes(exchange) == [Outcome.MET, Outcome.MET]


def test_drafts_in_the_chart_are_no_orders_when_orders_are_given():
    exchange = exchange_of_orders([order()], [bundle(PATIENT, order("o2"), finding())])
    assert [one["id"] for one in exchange.drafts] == ["o1"]


def test_what_comes_with_the_orders_belongs_to_the_chart():
    exchange = exchange_of_orders([bundle(order(), finding())], [bundle(PATIENT)])
    assert outcomes(exchange) == [Outcome.MET]


def test_what_could_not_be_read_is_told():
    made = bundle(PATIENT, order(), {"resourceType": "Foo"})
    made["link"] = [{"relation": "next", "url": "https://example.org/2"}]
    assert exchange_of_bundle(made).unread == (
        Unread("Bundle.entry", Why.NO_RESOURCE),
        Unread("Bundle", Why.MORE),
    )


def test_reading_changes_nothing():
    made = transaction((HERE, nameless(PATIENT)), ("", nameless(order(), HERE)))
    exchange_of_bundle(made)
    assert made == transaction((HERE, nameless(PATIENT)), ("", nameless(order(), HERE)))

"""Which Coverage an answer is for: this patient's, ours, in force that day; and what stands in the way, by name."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.crd.coverage import (
    MOST_COVERAGES,
    Coverages,
    Insurance,
    Problem,
    payer_identifier,
    payers_to_read,
    period_end,
)
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from tests.unit.crd.payer import PAYER, coverage
from tests.unit.plan_definition.plans import Json

DAY = Date((2026, 1, 15))
OURS = {"system": PAYER[0], "value": PAYER[1]}
THEIRS = {"system": PAYER[0], "value": "2"}
ORGANIZATION = {"resourceType": "Organization", "id": "o1", "identifier": [THEIRS, OURS]}
BY_REFERENCE = [{"reference": "Organization/o1"}]


def read(*resources: Json, unread: tuple[Unread, ...] = (), **more: Any) -> Coverages:
    record = PatientRecord("p1", resources, unread=unread)
    return Insurance.of(record, {PAYER}).on(DAY, **more)


def problem(*resources: Json, **more: Any) -> Problem | None:
    return read(*resources, **more).problem


def test_the_patients_own_active_coverage_with_us_is_the_one() -> None:
    mine = coverage()
    assert read(mine) == Coverages((mine,), None)


# -- whose it is --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("hook-13")
@pytest.mark.parametrize(
    "other",
    [
        {"beneficiary": {"reference": "Patient/p2"}},
        {"beneficiary": {}},
        {"beneficiary": None},
        {"id": None},
        {"id": "a b/c"},
        {"id": "x" * 65},
        {"status": "entered-in-error"},
    ],
)
def test_what_is_not_this_patients_is_none(other: Json) -> None:
    assert read(coverage(**other)) == Coverages((), Problem.NO_COVERAGE)


@pytest.mark.requirement("hook-13")
def test_none_at_all_is_told_from_one_that_could_not_be_read() -> None:
    assert problem() is Problem.NO_COVERAGE
    assert problem(unread=(Unread("prefetch.coverage", Why.FAILED, "Coverage"),)) is Problem.NOT_READ
    assert problem(unread=(Unread("prefetch.findings", Why.FAILED, "Observation"),)) is Problem.NO_COVERAGE


# -- who pays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payor", "organization", "expected"),
    [
        ([{"identifier": OURS}], None, None),
        (BY_REFERENCE, ORGANIZATION, None),
        ([{"identifier": THEIRS}, *BY_REFERENCE], ORGANIZATION, None),
        ([{"identifier": THEIRS}], None, Problem.NOT_OUR_PAYER),
        (BY_REFERENCE, {**ORGANIZATION, "identifier": [THEIRS]}, Problem.NOT_OUR_PAYER),
        ([{"reference": "Patient/p1"}], {"resourceType": "Patient", "id": "p1"}, Problem.NOT_OUR_PAYER),
        (BY_REFERENCE, None, Problem.PAYER_UNKNOWN),
        (BY_REFERENCE, {"resourceType": "Organization", "id": "o1"}, Problem.PAYER_UNKNOWN),
        ([{"identifier": {"value": "1"}}], None, Problem.PAYER_UNKNOWN),
        ([{"display": "Example Health"}], None, Problem.PAYER_UNKNOWN),
        ([], None, Problem.PAYER_UNKNOWN),
        ("nonsense", None, Problem.PAYER_UNKNOWN),
    ],
)
@pytest.mark.requirement("hook-13")
def test_the_payer_is_known_by_its_identifier_only(
    payor: Any, organization: Json | None, expected: Problem | None
) -> None:
    assert problem(coverage(payor=payor), *([organization] if organization else [])) is expected


def test_a_payer_inside_the_coverage_is_found() -> None:
    held = coverage(payor=[{"reference": "#org"}], contained=[{**ORGANIZATION, "id": "org"}])
    assert problem(held) is None


def test_another_payers_coverage_beside_ours_does_not_matter() -> None:
    other = coverage("cov2", payor=[{"identifier": THEIRS}])
    assert read(other, coverage()).named == (coverage(),)


def test_payers_that_are_only_named_by_reference_are_to_be_read() -> None:
    known = coverage("cov2", payor=[{"identifier": THEIRS, "reference": "Organization/o2"}])
    record = PatientRecord("p1", [coverage(payor=BY_REFERENCE), known, coverage("cov3", payor=[{"reference": "#x"}])])
    assert payers_to_read(record) == ("Organization/o1",)


@pytest.mark.parametrize("text", ["http://example.org|1", " http://example.org|1 "])
def test_a_payer_is_set_by_system_and_value(text: str) -> None:
    assert payer_identifier(text) == ("http://example.org", "1")


@pytest.mark.parametrize("text", ["1", "|1", "http://example.org|", ""])
def test_a_payer_without_system_or_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="system"):
        payer_identifier(text)


# -- whether it counts --------------------------------------------------------------------------------------------


@pytest.mark.requirement("resp-45")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"period": {"start": "2026-01-15", "end": "2026-01-15"}}, None),
        ({"period": {"end": "2026"}}, None),
        ({"period": {"start": "2026-01"}}, None),
        ({"period": {"end": "2026-01-15T23:00:00Z"}}, None),
        ({"period": {}}, None),
        ({"period": {"end": "2026-01-14"}}, Problem.INACTIVE),
        ({"period": {"end": "2025"}}, Problem.INACTIVE),
        ({"period": {"start": "2026-01-16"}}, Problem.INACTIVE),
        ({"status": "cancelled"}, Problem.INACTIVE),
        ({"status": "draft"}, Problem.INACTIVE),
        ({"status": None}, Problem.UNCLEAR),
        ({"status": "in force"}, Problem.UNCLEAR),
        ({"period": {"end": "soon"}}, Problem.UNCLEAR),
        ({"period": "2026"}, Problem.UNCLEAR),
        ({"period": {"end": 2026}}, Problem.UNCLEAR),
    ],
)
def test_it_counts_when_it_says_so(more: Json, expected: Problem | None) -> None:
    assert problem(coverage(**more)) is expected


@pytest.mark.requirement("resp-45")
def test_an_ended_one_is_named_and_an_unclear_one_is_not() -> None:
    ended = coverage(status="cancelled")
    assert read(ended).named == (ended,)
    assert read(ended, coverage("cov2", status=None)) == Coverages((), Problem.UNCLEAR)


def test_an_ended_one_beside_the_active_one_does_not_matter() -> None:
    assert read(coverage(), coverage("cov2", status="cancelled")) == Coverages((coverage(),), None)


@pytest.mark.requirement("hook-13")
def test_several_are_a_problem_and_all_named() -> None:
    found = read(coverage(), coverage("cov2"))
    assert found.problem is Problem.SEVERAL
    assert [one["id"] for one in found.named] == ["cov1", "cov2"]


def test_two_copies_of_one_are_one() -> None:
    assert read(coverage(), coverage(dependent="01")).problem is None


@pytest.mark.requirement("hook-13")
@pytest.mark.parametrize(
    "other",
    [
        {"status": "cancelled"},
        {"status": "entered-in-error"},
        {"status": None},
        {"period": {"end": "2020-01-01"}},
        {"period": {"end": "2030-01-01"}},
        {"beneficiary": {"reference": "Patient/p2"}},
        {"payor": [{"identifier": THEIRS}]},
    ],
)
def test_copies_of_one_that_contradict_each_other_say_nothing(other: Json) -> None:
    assert read(coverage(), coverage(**other)) == Coverages((), Problem.UNCLEAR)
    assert read(coverage(**other), coverage()) == Coverages((), Problem.UNCLEAR)


# -- what an order names ------------------------------------------------------------------------------------------


def insured_by(*references: str) -> Json:
    return {"resourceType": "ServiceRequest", "id": "o1", "insurance": [{"reference": one} for one in references]}


@pytest.mark.requirement("hook-13")
@pytest.mark.parametrize(
    "reference", ["Coverage/cov2", "Coverage/cov2/_history/1", "https://ehr.example/Coverage/cov2"]
)
def test_the_one_that_an_order_names_is_the_orders(reference: str) -> None:
    found = read(coverage(), coverage("cov2"), order=insured_by(reference, "ClaimResponse/c1"))
    assert found == Coverages((coverage("cov2"),), None)


def test_the_one_that_an_order_names_is_the_orders_though_it_has_ended() -> None:
    ended = coverage("cov2", status="cancelled")
    assert read(coverage(), ended, order=insured_by("Coverage/cov2")) == Coverages((ended,), Problem.INACTIVE)


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (insured_by("Coverage/cov3"), Problem.NOT_OUR_PAYER),
        (insured_by("Coverage/nowhere"), Problem.NOT_READ),
        (insured_by("#cov2") | {"contained": [coverage("cov2")]}, Problem.NOT_READ),
        ({"insurance": 1} | {"resourceType": "ServiceRequest"}, Problem.NOT_READ),
        ({"insurance": [None, 1, {}, {"reference": 1}]} | {"resourceType": "ServiceRequest"}, Problem.NOT_READ),
        ({"insurance": []} | {"resourceType": "ServiceRequest"}, Problem.SEVERAL),
    ],
)
def test_an_order_that_names_another_coverage_is_answered_under_none_of_these(order: Json, problem: Problem) -> None:
    theirs = coverage("cov3", payor=[{"identifier": THEIRS}])
    found = Insurance.of(PatientRecord("p1", [coverage(), coverage("cov2"), theirs, order]), {PAYER}).on(DAY, order)
    assert (found.named if problem is not Problem.SEVERAL else (), found.problem) == ((), problem)


def test_a_coverage_with_a_modifier_extension_may_mean_anything() -> None:
    assert read(coverage(modifierExtension=[{"url": "https://example.org/suspended"}])).problem is Problem.UNCLEAR


def test_those_that_were_cancelled_do_not_hide_the_one_that_is_active() -> None:
    cancelled = [coverage(f"old{i}", status="cancelled") for i in range(MOST_COVERAGES + 5)]
    found = read(coverage(), *cancelled)
    assert ([one["id"] for one in found.named], found.problem) == (["cov1"], None)


def test_the_end_is_told_as_far_as_it_is_stated() -> None:
    assert str(period_end(coverage(period={"end": "2026-12-31T12:00:00Z"}))) == "2026-12-31"
    assert str(period_end(coverage(period={"end": "2026"}))) == "2026"
    assert period_end(coverage()) is None


def test_of_more_coverages_than_anybody_has_none_is_named() -> None:
    found = read(*(coverage(f"cov{i}") for i in range(MOST_COVERAGES + 1)))
    assert found == Coverages((), Problem.SEVERAL)

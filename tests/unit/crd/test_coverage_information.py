"""The extension: valid R4, within the codes and counts of its version, every published invariant true of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cds_service.crd.assertion import assertion_of
from cds_service.crd.configuration import Configuration
from cds_service.crd.coverage import Problem
from cds_service.crd.coverage_information import URL, coverage_of, extension_of, is_said
from cds_service.crd.terms import Authorization, Call, Terms
from cds_service.crd.versions import VERSIONS
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from cds_service.fhir.validate import validate
from cds_service.necessity.model import Determination, Kind, Outcome
from cds_service.plan_definition.profile import Reason
from tests.unit.crd.invariants import INVARIANTS, broken
from tests.unit.crd.payer import MET, MISFIT, MISSING, NOT_MET, REFUSED, UNREAD, call, coverage, values
from tests.unit.necessity.judging import order
from tests.unit.necessity.trees import trees
from tests.unit.plan_definition.plans import Json

KINDS = {"met": MET, "not met": NOT_MET, "misfit": MISFIT, "missing": MISSING, "unread": UNREAD, "refused": REFUSED}

CODES: dict[str, dict[str, set[str]]] = {
    "2.0": {
        "covered": {"covered", "not-covered", "conditional"},
        "pa-needed": {"no-auth", "auth-needed", "satisfied", "conditional"},
        "doc-needed": {"clinical"},
        "doc-purpose": {"retain-doc"},
        "info-needed": {"OTH"},
    },
    "2.2": {
        "covered": {"covered", "not-covered", "conditional", "indeterminate"},
        "pa-needed": {"no-auth", "auth-needed", "satisfied", "conditional", "indeterminate"},
        "doc-needed": {"clinical"},
        "doc-purpose": {"retain-doc"},
        "info-needed": {"OTH"},
    },
}
"""Of each version's codes those that are ever said."""
ONCE = ("coverage", "covered", "date", "coverage-assertion-id")
AT_MOST_ONCE = ("pa-needed", "doc-needed", "satisfied-pa-id", "expiry-date")
ONLY_IN_2_2 = ("detail", "expiry-date")


@st.composite
def determinations(draw: st.DrawFn) -> Determination:
    """Draw a determination of any outcome: of a tree drawn at random, or one of each kind."""
    if draw(st.booleans()):
        drawn = draw(trees()).determination()
        reason = draw(st.sampled_from([Reason.ABSENT, Reason.CONFLICT]))
        results = (replace(one, reason=reason if one.state is None else None) for one in drawn.results)
        drawn = replace(drawn, results=tuple(results), id=draw(st.uuids()).hex)
    else:
        drawn = replace(draw(st.sampled_from(list(KINDS.values()))), id=draw(st.uuids()).hex)
    ends = draw(st.none() | st.just(Date((2026, 12))))
    return replace(drawn, plan=replace(drawn.plan, effective_to=ends))


@st.composite
def extensions(draw: st.DrawFn) -> tuple[Json, str]:
    """Draw what is said of one order, for any determinations, terms and call; and the version it is said in."""
    version = draw(st.sampled_from(list(VERSIONS)))
    terms = Terms(
        authorization=draw(st.sampled_from(Authorization)),
        review_contact=draw(st.none() | st.sampled_from(["tel:+1-555-0100", "https://example.org"])),
        policies_url=draw(st.none() | st.just("https://example.org/policies")),
        questionnaire=draw(st.sampled_from([lambda _: None, lambda plan: f"{plan.canonical}-form|1"])),
    )
    off = frozenset(draw(st.lists(st.just("unsolicited-determ"), max_size=1)))
    unread = tuple(draw(st.lists(st.just(Unread("x", Why.FAILED)), max_size=1)))
    hook = draw(st.sampled_from(["order-sign", "order-select", "order-dispatch", "encounter-start"]))
    asked = Call(hook, VERSIONS[version], Configuration(off), unread)
    problem = draw(st.none() | st.sampled_from([Problem.SEVERAL, Problem.INACTIVE]))
    about = coverage(period={"end": "2027"}) if draw(st.booleans()) else coverage()
    drawn = draw(st.lists(determinations(), min_size=1, max_size=3))
    said = assertion_of(drawn, about, problem, terms, asked)
    assume(said is not None)
    assert said is not None
    return extension_of(said, asked.version), version


@pytest.mark.requirement("q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9")
@pytest.mark.requirement("resp-52")
@given(extensions())
def test_every_invariant_is_true_of_whatever_is_said(drawn: tuple[Json, str]) -> None:
    assert broken(*drawn) == []


@pytest.mark.requirement("resp-52")
@given(extensions())
def test_whatever_is_said_keeps_the_codes_and_the_counts_of_its_version(drawn: tuple[Json, str]) -> None:
    extension, version = drawn
    found = values(extension)
    assert all(codes.issuperset(found.get(name, ())) for name, codes in CODES[version].items())
    assert all(len(found[name]) == 1 for name in ONCE)
    assert all(len(found.get(name, ())) <= 1 for name in AT_MOST_ONCE)
    assert version == "2.2" or found.keys().isdisjoint(ONLY_IN_2_2)


@given(extensions())
def test_whatever_is_said_is_valid_r4(drawn: tuple[Json, str]) -> None:
    held: Any = decode(encode({**order(), "intent": "order", "extension": [drawn[0]]}))
    assert validate(held) == ()


@given(extensions())
def test_clinical_logic_never_says_not_covered_and_nothing_says_withpa(drawn: tuple[Json, str]) -> None:
    found = values(drawn[0])
    if found.get("covered") == ["not-covered"]:
        assert any("Coverage is not active" in one["text"] for one in found["reason"])
    assert "withpa" not in found.get("doc-purpose", ())


def test_a_determination_is_drawn_of_every_outcome() -> None:
    assert {one.outcome for one in KINDS.values()} == set(Outcome) - {Outcome.NOT_APPLICABLE}
    assert {one.kind for one in KINDS.values()} == {None, Kind.CLINICAL, Kind.CODING}


# -- the invariants tell right from wrong -------------------------------------------------------------------------

SOUND: Json = {
    "coverage": {"valueReference": {"reference": "Coverage/c"}},
    "covered": {"valueCode": "covered"},
    "pa-needed": {"valueCode": "auth-needed"},
}
GRANTED = {"pa_needed": {"valueCode": "satisfied"}, "satisfied_pa_id": {"valueString": "1"}}
REASON = {"valueCodeableConcept": {"text": "x"}}


def extension_with(**parts: Json) -> Json:
    named = SOUND | {name.replace("_", "-"): part for name, part in parts.items()}
    written = [{"url": name, **part} for name, part in named.items() if part]
    return {"url": URL, "extension": written}


@pytest.mark.parametrize(
    ("version", "wrong", "parts"),
    [
        ("2.0", "q1", {"questionnaire": {"valueCanonical": "q"}}),
        ("2.0", "q1", {"response": {"valueReference": {"reference": "QuestionnaireResponse/q"}}}),
        ("2.0", "q2", {"pa_needed": {}}),
        ("2.0", "q2", {"covered": {"valueCode": "not-covered"}, "pa_needed": {}}),
        ("2.0", "q3", {"info_needed": {"valueCode": "OTH"}}),
        ("2.0", "q4", {**GRANTED, "doc_purpose": {"valueCode": "PA"}}),
        ("2.0", "q5", {"pa_needed": {"valueCode": "satisfied"}}),
        ("2.2", "q1", {"questionnaire": {"valueCanonical": "q"}}),
        ("2.2", "q2", {"covered": {"valueCode": "not-covered"}}),
        ("2.2", "q3", {"covered": {"valueCode": "conditional"}}),
        ("2.2", "q3", {"info_needed": {"valueCode": "performer"}}),
        ("2.2", "q4", {"doc_purpose": {"valueCode": "withpa"}, "reason": REASON}),
        ("2.2", "q5", {"satisfied_pa_id": {"valueString": "1"}}),
        ("2.2", "q6", {"covered": {"valueCode": "conditional"}, "info_needed": {"valueCode": "OTH"}}),
        ("2.2", "q7", {"reason": {"valueCodeableConcept": {"coding": [{"code": "other"}]}}}),
        ("2.2", "q8", {"doc_purpose": {"valueCode": "retain-doc"}}),
        ("2.2", "q9", {"covered": {"valueCode": "indeterminate"}}),
    ],
)  # fmt: skip
def test_an_invariant_notices_what_it_forbids(version: str, wrong: str, parts: dict[str, Json]) -> None:
    assert broken(extension_with(), version) == []
    assert broken(extension_with(**parts), version) == [wrong]


def test_every_published_invariant_is_among_them() -> None:
    assert list(INVARIANTS["2.0"]) == [f"q{i}" for i in range(1, 6)]
    assert list(INVARIANTS["2.2"]) == [f"q{i}" for i in range(1, 10)]


# -- reading one back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    ["Coverage/c", "https://ehr.example.org/fhir/Coverage/c", "Coverage/c/_history/2", "https://e.org/Coverage/c/_history/1"],
)  # fmt: skip
def test_the_coverage_is_known_however_it_is_referred_to(reference: str) -> None:
    assert coverage_of(extension_with(coverage={"valueReference": {"reference": reference}})) == "Coverage/c"


@pytest.mark.parametrize(
    "extension",
    [
        {},
        {"url": "https://example.org/other", "extension": [{"url": "coverage"}]},
        extension_with(coverage={}),
        {**extension_with(), "extension": None},
        {**extension_with(), "extension": [None, "coverage", {"url": "coverage", "valueReference": "Coverage/c"}]},
    ],
)
def test_what_names_no_coverage_is_about_none(extension: Json) -> None:
    assert coverage_of(extension) is None


@pytest.mark.requirement("resp-35")
def test_the_same_on_another_day_is_the_same() -> None:
    said = assertion_of([MISSING], coverage(), None, Terms(), call())
    assert said is not None
    later = replace(said, date=Date((2026, 2, 1)), assertion_id="other", pa_id="another")
    earlier, again = extension_of(said, VERSIONS["2.2"]), extension_of(later, VERSIONS["2.2"])
    assert is_said({**earlier, "extension": earlier["extension"][::-1]}, again)
    assert not is_said(earlier, extension_of(replace(said, documents=False), VERSIONS["2.2"]))
    assert not is_said(earlier, extension_of(replace(said, reasons=()), VERSIONS["2.2"]))


@pytest.mark.requirement("resp-35")
@pytest.mark.parametrize(
    "stored",
    [
        {"reference": "https://ehr.example.org/fhir/Coverage/cov1"},
        {"reference": "Coverage/cov1/_history/3", "display": "My plan"},
        {"reference": "Coverage/cov1", "type": "Coverage"},
    ],
)
def test_a_reference_as_a_server_writes_it_says_the_same(stored: Json) -> None:
    said = assertion_of([MISSING], coverage(), None, Terms(), call(), dependencies=("ServiceRequest/o2",))
    assert said is not None
    written = extension_of(said, VERSIONS["2.2"])
    kept = [{**one, "valueReference": stored} if one["url"] == "coverage" else one for one in written["extension"]]
    assert is_said({"url": URL, "extension": kept}, written)
    other = [one for one in kept if one["url"] != "dependency"]
    assert not is_said({"url": URL, "extension": other}, written)

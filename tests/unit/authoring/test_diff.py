"""Two releases compared: every kind of difference is told, and nothing where there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from cds_service.authoring.case_format import parse_yaml, read_cases
from cds_service.authoring.diff import Change, Diff, Release, as_json, as_page, compare, read_release
from cds_service.authoring.pages import as_html, as_text
from cds_service.errors import ContentError
from cds_service.fhir.encoding import encode
from cds_service.plan_definition.package import PolicyFile, PolicyFiles
from cds_service.plan_definition.policies import compile_policies
from tests.unit.necessity.judging import finding, order
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    APPROVED,
    BASE,
    BROKEN,
    VALUE_SETS,
    Json,
    artifacts,
    criterion,
    expression,
    full_plan,
    group,
    plan,
    prompt,
    refutation,
    says,
    state_text,
    value_set,
)

CASES = """
- id: W-1
  title: a broken widget
  base: widget
  shapes: [b]
  orders: ["A"]
  expect: {"A": {outcome: met}}
- id: W-2
  title: an intact widget
  base: widget
  shapes: [b]
  orders: ["A"]
  set: {Observation/f1.valueString: intact}
  expect: {"A": {outcome: not-met}}
"""


def fixture(path: str) -> Any:
    """The chart of the cases: a broken widget, and the order to replace it."""
    found: Json = (
        {"context": {"patientId": "p1", "draftOrders": {"entry": [{"resource": order("A")}]}}}
        if path.startswith("cds_hooks/")
        else {"entry": [{"resource": finding("broken")}]}
    )
    return deepcopy(found)


def release(*resources: Json, cases: str = "", sets: tuple[Json, ...] = VALUE_SETS) -> Release:
    held = artifacts(*(resources or (plan(),)), sets=sets)
    read = read_cases(parse_yaml(cases, place="cases.yaml"), place="cases.yaml") if cases else ()
    return Release(compile_policies(held), held, {("folder", one.id): one for one in read})


def between(before: Release, after: Release) -> list[Change]:
    return [change for one in compare(before, after, fixture=None).policies for change in one.changes]


def changed(*after: Json, before: tuple[Json, ...] = (), **more: Any) -> list[Change]:
    return between(release(*before), release(*after, **more))


def test_a_release_is_the_same_as_itself() -> None:
    same = release(full_plan(), ACTIVITY)
    assert compare(same, release(full_plan(), ACTIVITY), fixture=fixture) == Diff((), None)
    assert as_page(compare(same, same, fixture=None)).lead == "Nothing changed."


# -- what changed -------------------------------------------------------------------------------------------------

WORN = criterion("worn", "alternative", says("worn"), says("new"))
EITHER = group("why", "one-or-more", BROKEN | {"code": [{"coding": [{"code": "alternative"}]}]}, WORN)


def with_action(**more: Any) -> Json:
    return plan(deepcopy(BROKEN) | more)


Told = tuple[str, str, str | None, str | None, str | None, bool]
DIFFERENCES: dict[str, tuple[Json, Json, Told]] = {
    "another role": (
        plan(BROKEN, criterion("old", "required", says("old"))),
        plan(BROKEN, criterion("old", "exclusion", says("old"))),
        ("criterion", "old", "role", "required", "exclusion", True),
    ),
    "another text": (
        plan(),
        with_action(textEquivalent="Beyond repair."),
        ("criterion", "broken", "text", None, "Beyond repair.", False),
    ),
    "another title": (
        plan(),
        with_action(title="Broken"),
        ("criterion", "broken", "title", "Title of broken", "Broken", False),
    ),
    "another support": (
        plan(criterion("broken", "required", says("broken"))),
        plan(criterion("broken", "required", says("cracked"))),
        ("criterion", "broken", "what supports it", says("broken"), says("cracked"), True),
    ),
    "a refutation added": (
        plan(criterion("broken", "required", says("broken"))),
        plan(criterion("broken", "required", says("broken"), says("intact"))),
        ("criterion", "broken", "what refutes it", None, says("intact"), True),
    ),
    "a caution's support": (
        plan(BROKEN, criterion("hot", "caution", says("hot"))),
        plan(BROKEN, criterion("hot", "caution", says("warm"))),
        ("criterion", "hot", "what supports it", says("hot"), says("warm"), False),
    ),
    "another prompt": (
        plan(criterion("a", "required", says("a"), None, prompt("Ask."))),
        plan(criterion("a", "required", says("a"), None, prompt("Ask twice."))),
        ("criterion", "a", "what it asks for", "Ask.", "Ask twice.", False),
    ),
    "other words of a state": (
        plan(criterion("a", "required", says("a"), None, state_text("true", "it is"))),
        plan(criterion("a", "required", says("a"), None, state_text("true", "it is", indicator=("Code", "critical")))),
        ("criterion", "a", "what is said if true", "it is", "it is (critical)", False),
    ),
    "another number of parts": (
        plan(group("why", 1, WORN, BROKEN)),
        plan(group("why", 2, WORN, BROKEN)),
        ("criterion", "why", "number of parts that must hold", "at least 1 of", "at least 2 of", True),
    ),
    "all in place of any": (
        plan(group("why", "one-or-more", WORN)),
        plan(group("why", "all", WORN)),
        ("criterion", "why", "number of parts that must hold", "any one of", "all of", True),
    ),
    "another place": (
        plan(BROKEN, EITHER["action"][1], group("why", "one-or-more", criterion("c", "alternative", says("c")))),
        plan(BROKEN, group("why", "one-or-more", criterion("c", "alternative", says("c")), EITHER["action"][1])),
        ("criterion", "worn", "place", None, "why", True),
    ),
    "another status": (plan(), plan(status="active"), ("life cycle", "", "status", "draft", "active", True)),
    "another period": (
        plan(effectivePeriod={"start": "2026-01-01"}),
        plan(effectivePeriod={"start": "2026-01-01", "end": "2026-12-31"}),
        ("life cycle", "", "in effect", "from 2026-01-01", "2026-01-01 to 2026-12-31", True),
    ),
    "another version": (plan(), plan(version="1.1.0"), ("life cycle", "", "version", "1.0.0", "1.1.0", False)),
    "another title of the policy": (
        plan(),
        plan(title="Widgets"),
        ("policy", "", "title", "Replacing a widget", "Widgets", False),
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_told(name: str) -> None:
    before, after, told = DIFFERENCES[name]
    found = changed(after, before=(before,))
    assert told in [(one.kind, one.name, one.aspect, one.before, one.after, one.decides) for one in found]


def test_a_criterion_may_be_added_and_removed() -> None:
    more = plan(BROKEN, criterion("worn", "required", says("worn"), textEquivalent="Worn out."))
    (added,) = changed(more)
    (removed,) = changed(plan(), before=(more,))
    assert (added.name, added.aspect, added.before, added.after) == ("worn", None, None, "required: Worn out.")
    assert (removed.name, removed.before, removed.after) == ("worn", "required: Worn out.", None)
    assert added.decides
    assert removed.decides


def test_a_caution_that_is_added_decides_nothing() -> None:
    (added,) = changed(plan(BROKEN, criterion("hot", "caution", says("hot"))))
    assert not added.decides


def test_criteria_in_another_order_are_told() -> None:
    (found,) = changed(plan(WORN, BROKEN), before=(plan(BROKEN, WORN),))
    assert (found.aspect, found.before, found.after) == ("order of criteria", "broken, worn", "worn, broken")


def test_ordered_codes_are_told_one_by_one() -> None:
    found = changed(sets=(value_set("widgets", "B", "C"), *VALUE_SETS[1:]))
    assert [(one.kind, one.name, one.before, one.after) for one in found] == [
        ("ordered code", "A", "A", None),
        ("ordered code", "C", None, "C"),
    ]


READS = plan(criterion("a", "required", f"%findings.where(code.memberOf('{BASE}/ValueSet/signs')).exists()"))


def test_codes_of_a_value_set_are_told() -> None:
    before = release(READS, sets=(value_set("widgets", "A"), value_set("signs", "s1", "s2")))
    after = release(READS, sets=(value_set("widgets", "A"), value_set("signs", "s2", "s3")))
    assert [(one.kind, one.name, one.aspect, one.before, one.after) for one in between(before, after)] == [
        ("value set", "signs", "codes taken out", "s1", None),
        ("value set", "signs", "codes put in", None, "s3"),
    ]


def test_a_value_set_that_is_newly_read_is_told_with_its_codes() -> None:
    sets = (value_set("widgets", "A"), value_set("signs", "s1", "s2"))
    found = between(release(sets=sets), release(READS, sets=sets))
    assert ("value set", None, "s1; s2") in [(one.kind, one.before, one.after) for one in found]


def full(change: Callable[[Json], None]) -> Json:
    made = full_plan()
    change(made)
    return made


def _set_basis(made: Json) -> None:
    made["extension"][0]["extension"].append({"url": "basis", "valueString": "a book"})


def _set_value(made: Json) -> None:
    made["extension"][1]["extension"][1]["valueInteger"] = 2


def _drop_parameter(made: Json) -> None:
    del made["extension"][1]


def _set_variable(made: Json) -> None:
    made["extension"][2]["valueExpression"]["expression"] = "%findings.value.ofType(string)"


def _set_source(made: Json) -> None:
    made["relatedArtifact"][0]["extension"][0]["valueCode"] = "probable"


def _drop_source(made: Json) -> None:
    del made["relatedArtifact"][0]


def _set_reviewer(made: Json) -> None:
    made["reviewer"] = []


def _drop_suggestion(made: Json) -> None:
    made["action"][0]["action"] = [one for one in made["action"][0]["action"] if one["id"] != "drop"]


def _set_because(made: Json) -> None:
    del made["action"][0]["action"][1]["extension"][1]


@pytest.mark.parametrize(
    ("change", "kind", "aspect", "decides"),
    [
        (_set_basis, "parameter", "basis", False),
        (_set_value, "parameter", "value", True),
        (_drop_parameter, "parameter", None, True),
        (_set_variable, "variable", "expression", True),
        (_set_source, "source", "identification", False),
        (_drop_source, "source", None, False),
        (_set_reviewer, "life cycle", "reviewed or endorsed by", True),
        (_drop_suggestion, "suggestion", None, False),
        (_set_because, "criterion", "why it may be open", False),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_stands_around_the_criteria_is_told(
    change: Callable[[Json], None], kind: str, aspect: str | None, decides: bool
) -> None:
    (found,) = changed(full(change), ACTIVITY, before=(full_plan(), ACTIVITY))
    assert (found.kind, found.aspect, found.decides) == (kind, aspect, decides)


def test_a_policy_may_be_new_or_taken_out() -> None:
    both = release(plan(), plan(name="gadget", codes="gadgets"))
    (new,) = compare(release(), both, fixture=None).policies
    (gone,) = compare(both, release(), fixture=None).policies
    assert (new.before, new.decides, gone.after) == (None, True, None)
    assert [section.facts[1].text for section in as_page(Diff((new, gone), None)).sections] == [
        "1.0.0, new",
        "1.0.0, taken out",
    ]


def test_of_several_versions_the_newest_are_compared() -> None:
    first = plan(**{**APPROVED, "effectivePeriod": {"start": "2026-01-01", "end": "2026-06-30"}})
    second = plan(**{**APPROVED, "version": "1.1.0", "effectivePeriod": {"start": "2026-07-01"}})
    found = changed(first, second, before=(first,))
    assert [(one.aspect, one.before, one.after) for one in found] == [
        ("versions side by side", "1.0.0", "1.0.0, 1.1.0"),
        ("version", "1.0.0", "1.1.0"),
        ("in effect", "2026-01-01 to 2026-06-30", "from 2026-07-01"),
    ]


def test_content_that_changed_without_a_new_version_is_pointed_out() -> None:
    other = with_action(textEquivalent="Beyond repair.")
    (silent,) = compare(release(), release(other), fixture=None).policies
    (raised,) = compare(release(), release(other | {"version": "1.1.0"}), fixture=None).policies
    assert (silent.version_not_raised, raised.version_not_raised) == (True, False)


# -- cases --------------------------------------------------------------------------------------------------------

STRICTER = plan(criterion("broken", "required", says("shattered"), says("intact")))


def test_cases_that_come_out_otherwise_are_told() -> None:
    found = compare(release(cases=CASES), release(STRICTER, cases=CASES), fixture=fixture).cases
    assert found is not None
    assert (found.count, found.failed) == (2, ())
    (one,) = found.changes
    assert (one.case, one.code, one.shapes, one.before, one.after) == ("W-1", "A", ("b",), "met", "information-missing")
    assert one.states == (("broken", "Title of broken", "true", "unknown/absent"),)


def test_a_case_that_only_one_release_has_is_run_under_both() -> None:
    for before, after in ((CASES, ""), ("", CASES)):
        found = compare(release(cases=before), release(STRICTER, cases=after), fixture=fixture).cases
        assert found is not None
        assert [one.case for one in found.changes] == ["W-1"]


def test_states_alone_and_notes_alone_are_told_after_outcomes() -> None:
    noted = plan(BROKEN, criterion("dust", "caution", "%findings.exists()", None, textEquivalent="Mind the dust."))
    found = compare(release(cases=CASES), release(noted, cases=CASES), fixture=fixture).cases
    assert found is not None
    assert [(one.outcome_differs, one.notes) for one in found.changes] == [
        (False, (("dust", "Title of dust", "none", "Mind the dust."),))
    ] * 2
    assert "what is said of Title of dust [dust]: now “Mind the dust.”" in told(
        release(cases=CASES), release(noted, cases=CASES)
    )
    assert "no longer “Mind the dust.”" in told(release(noted, cases=CASES), release(cases=CASES))


def test_a_case_that_cannot_be_set_up_is_told() -> None:
    broken = CASES.replace("Observation/f1.valueString", "Observation/nobody.valueString")
    found = compare(release(cases=broken), release(STRICTER, cases=broken), fixture=fixture).cases
    assert found is not None
    assert (found.count, [name for name, _ in found.failed]) == (1, ["W-2"])
    assert as_page(Diff((), found)).lead == "Nothing changed."


def test_a_parameter_that_a_release_lacks_is_not_set_there() -> None:
    asked = CASES.replace("shapes: [b]", "shapes: [b]\n  parameters: {least: 2}", 1)
    has = plan(
        extension=[
            {
                "url": "https://cds-service.example/fhir/StructureDefinition/parameter",
                "extension": [{"url": "name", "valueString": "least"}, {"url": "value", "valueInteger": 1}],
            }
        ]
    )
    found = compare(release(cases=asked), release(has, cases=asked), fixture=fixture).cases
    assert found is not None
    assert (found.count, found.changes) == (2, ())


def test_a_policy_that_is_new_has_outcomes_only() -> None:
    found = compare(release(plan(name="gadget", codes="gadgets")), release(plan(), cases=CASES), fixture=fixture).cases
    assert found is not None
    assert [(one.before, one.after, one.states) for one in found.changes] == [
        ("none", "met", ()),
        ("none", "not-met (clinical)", ()),
    ]


# -- from files, in words, as JSON ----------------------------------------------------------------------------------


def files(*resources: Json, cases: bytes = CASES.encode()) -> PolicyFiles:
    held = tuple(PolicyFile("folder", f"{i}.json", encode(one)) for i, one in enumerate((*resources, *VALUE_SETS)))
    return PolicyFiles(held, (PolicyFile("folder", "cases.yaml", cases), PolicyFile("folder", "policy.md", b"# Words")))


def test_a_release_is_read_from_files() -> None:
    found = compare(read_release(files(plan())), read_release(files(STRICTER)), fixture=fixture)
    assert found.cases is not None
    assert [one.case for one in found.cases.changes] == ["W-1"]


def test_cases_that_cannot_be_read_are_a_fault_of_the_content() -> None:
    with pytest.raises(ContentError, match=r"folder/cases\.yaml"):
        read_release(files(plan(), cases=b"- id: x"))


def told(before: Release, after: Release) -> str:
    return "\n".join(as_text([as_page(compare(before, after, fixture=fixture))]))


def test_a_comparison_in_words() -> None:
    after = plan(criterion("broken", "required", says("shattered"), says("intact")), version="1.1.0")
    assert (
        told(release(cases=CASES), release(after, cases=CASES))
        == """\
Policies compared
=================

1 policy changed. Another outcome in 1 of 2 cases; in 0 more, criteria or notes
alone differ.

Replacing a widget
------------------
Policy: https://example.org/fhir/PlanDefinition/widget
Version: 1.0.0 → 1.1.0
- life cycle
  version: 1.0.0 → 1.1.0
- criterion broken: Title of broken [may alter a determination]
  what supports it: %findings.where(code.coding.exists(code =
    'state')).value.ofType(string).where($this = 'broken').exists() →
    %findings.where(code.coding.exists(code =
    'state')).value.ofType(string).where($this = 'shattered').exists()
  what it asks for: no longer “State whether the widget is broken.”

Cases that come out otherwise
-----------------------------
- W-1, A: a broken widget [in b]
  outcome: met → information-missing
  Title of broken [broken]: yes → open (nothing on record)"""
    )


def test_of_long_texts_what_differs_is_told_with_a_little_around_it() -> None:
    long = "It is broken where it was glued, and it was glued where it was broken, all along the seam"
    one, other = (with_action(textEquivalent=f"{long}, {word}, which is {long.lower()}.") for word in ("here", "there"))
    found = " ".join(told(release(one), release(other)).split())
    assert re.search(r"text: ….{10,30}, here, .{10,30}… → ….{10,30}there, .{10,30}…", found)


def test_no_cases_are_no_cases_that_agree() -> None:
    found = told(release(), release(STRICTER))
    assert "There are no cases." in found
    assert "Cases that come out otherwise" not in found


def test_value_sets_go_by_their_names_unless_the_address_is_the_difference() -> None:
    other = deepcopy(READS)
    text = other["action"][0]["action"][0]["condition"][0]["expression"]
    text["expression"] = text["expression"].replace(BASE, "https://example.com")
    signs = value_set("signs", "s1")
    sets = (value_set("widgets", "A"), signs, signs | {"url": "https://example.com/ValueSet/signs"})
    found = told(release(READS, sets=sets), release(other, sets=sets))
    assert "https://example.org/fhir/ValueSet/signs" in found
    stricter = plan(
        criterion("a", "required", f"%findings.where(code.memberOf('{BASE}/ValueSet/signs')).value.exists()")
    )
    assert "memberOf('signs')" in told(release(READS, sets=sets), release(stricter, sets=sets))


def test_every_kind_of_difference_can_be_rendered() -> None:
    for before, after, _ in DIFFERENCES.values():
        page = as_page(compare(release(before, cases=CASES), release(after, cases=CASES), fixture=fixture))
        assert list(as_html([page], title="T"))
        assert list(as_text([page]))


def test_a_comparison_as_json() -> None:
    found = compare(release(cases=CASES), release(STRICTER, cases=CASES), fixture=fixture)
    made = as_json(found)
    assert json.loads(encode(made)) == made
    (policy,) = made["policies"]
    assert (policy["before"]["version"], policy["after"]["version"]) == ("1.0.0", "1.0.0")
    assert (policy["decides"], policy["versionNotRaised"]) == (True, True)
    assert policy["changes"][0] == {
        "kind": "criterion",
        "name": "broken",
        "title": "Title of broken",
        "aspect": "what supports it",
        "before": says("broken"),
        "after": says("shattered"),
        "decides": True,
    }
    assert made["cases"] == {
        "run": 2,
        "changes": [
            {
                "case": "W-1",
                "title": "a broken widget",
                "code": "A",
                "shapes": ["b"],
                "before": "met",
                "after": "information-missing",
                "criteria": [{"id": "broken", "title": "Title of broken", "before": "true", "after": "unknown/absent"}],
                "notes": [],
            }
        ],
        "failed": [],
    }
    assert as_json(compare(release(), release(STRICTER), fixture=None))["cases"] is None


def test_an_expression_that_only_moved_is_no_difference() -> None:
    spaced = plan(
        deepcopy(BROKEN) | {"extension": [refutation(says("intact")), prompt("State whether the widget is broken.")]}
    )
    assert changed(spaced) == []
    assert expression("a")["language"] == "text/fhirpath"

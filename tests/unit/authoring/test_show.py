"""A policy in words: everything a clinician needs to judge it, and nothing that its text could turn into markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from cds_service.authoring.pages import Entry, Page, Remark, Section, as_html, as_markdown, as_text
from cds_service.authoring.show import chosen, show
from cds_service.plan_definition.artifacts import Artifacts, read_artifacts
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.policy_files import read_policy_files
from tests.charts import POLICIES
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    APPROVED,
    CODES,
    artifacts,
    criterion,
    determination_of,
    full_plan,
    group,
    parameter,
    plan,
    says,
    state_text,
    unknown_because,
    value_set,
)


def pages(*plans: dict[str, Any], **more: Any) -> list[Page]:
    held = artifacts(*plans, **more)
    compiled = compile_policies(held)
    return [show(one, compiled, held) for one in compiled.plans]


def page(*plans: dict[str, Any], **more: Any) -> Page:
    """Return the page of the last policy: those that it reads come before."""
    return pages(*plans, **more)[-1]


def section(page: Page, heading: str) -> Section:
    return next(one for one in page.sections if one.heading == heading)


def lines(entry: Entry) -> list[str]:
    return [f"{one.about}: {one.text}" if one.about else one.text for one in entry.remarks]


def shipped() -> tuple[Policies, Artifacts]:
    held = read_artifacts(read_policy_files(POLICIES).artifacts)
    return compile_policies(held), held


# -- what it says -------------------------------------------------------------------------------------------------


def test_a_draft_says_so_before_all_else() -> None:
    assert page(plan()).warning == "DRAFT - NOT FOR CLINICAL USE. Review stage: not stated."
    assert next(iter(as_text([page(plan())]))) == "DRAFT - NOT FOR CLINICAL USE. Review stage: not stated."


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({}, None),
        ({"experimental": True}, "EXPERIMENTAL - NOT FOR CLINICAL USE."),
        ({"reviewer": []}, "NOT APPROVED - NOT FOR CLINICAL USE. Review stage: approved."),
        ({"status": "retired"}, "RETIRED - NOT FOR CLINICAL USE. Review stage: approved."),
    ],
)
def test_only_what_is_released_has_no_warning(changes: dict[str, Any], warning: str | None) -> None:
    assert page(plan(**{**APPROVED, **changes})).warning == warning


def test_the_status_names_stage_dates_and_who_stands_for_it() -> None:
    told = {one.about: one.text for one in section(page(full_plan(), ACTIVITY), "Status").facts}
    assert told["Review stage"] == "approved"
    assert told["Last review"] == "2026-01-02, counts until 2027-01-02"
    assert told["Reviewed or endorsed by"] == "Dr. R. Viewer; The Society of Widgets"
    assert told["In effect"] == "2026-01-01 to 2026-12-31"


def test_ordered_codes_have_our_words_and_their_verification() -> None:
    designation = {"use": {"coding": [{"code": "paraphrase"}]}, "value": "our words"}
    mark = {"url": "https://cds-service.example/fhir/StructureDefinition/code-verification", "valueCode": "unverified"}
    concepts = [{"code": "B", "designation": [designation], "extension": [mark]}, {"code": "A", "display": "an A"}]
    widgets = value_set("widgets", compose={"include": [{"system": CODES, "concept": concepts}]})
    found = section(page(plan(), sets=[widgets]), "Decides on").entries
    assert [(one.title, one.mark) for one in found] == [("A an A", None), ("B our words", "not verified")]


def test_criteria_stand_under_the_part_they_play() -> None:
    found = {one.heading: [entry.name for entry in one.entries] for one in page(full_plan(), ACTIVITY).sections}
    assert found["Applies to"] == ["scope"]
    assert found["What must be shown"] == ["broken", "reasons", "signs"]
    assert found["What must be ruled out"] == ["forbidden"]
    assert found["How the code must fit"] == ["fits"]
    assert found["Conditions"] == ["later"]
    assert found["Cautions"] == ["note"]


def test_a_criterion_says_what_it_means_what_is_said_and_what_is_asked_for() -> None:
    (broken, *_) = section(page(full_plan(), ACTIVITY), "What must be shown").entries
    assert lines(broken) == [
        "The widget does not work any more.",
        "Said if it holds: in the words of the chart",
        "Said if it is open (critical): nobody looked",
        "Also open where the record is: too old, or from before the last operation; not final or not confirmed",
        "If it is open, asks for: State whether the widget is broken.",
        "If it holds, a physician must look.",
        "Sources: S2 (identification not stated)",
    ]


def test_the_reason_behind_a_criterion_stands_below_its_words() -> None:
    words = {"textEquivalent": "The widget is broken.", "description": "A broken widget leaks."}
    (entry,) = section(
        page(plan(criterion("broken", "required", says("broken"), says("intact"), **words))), "What must be shown"
    ).entries
    assert lines(entry)[:2] == ["The widget is broken.", "Because: A broken widget leaks."]


def test_a_description_alone_is_the_words_of_the_criterion() -> None:
    told = criterion("broken", "required", says("broken"), says("intact"), description="A broken widget leaks.")
    (entry,) = section(page(plan(told)), "What must be shown").entries
    assert lines(entry)[0] == "A broken widget leaks."
    assert not any(line.startswith("Because") for line in lines(entry))


def test_what_nothing_can_refute_is_said() -> None:
    made = plan(criterion("glued", "exclusion", says("glued")), criterion("old", "caution", says("old")))
    (glued,) = section(page(made), "What must be ruled out").entries
    (old,) = section(page(made), "Cautions").entries
    assert "Nothing on record can refute it; it holds or stays open." in lines(glued)
    assert lines(old) == []


def test_groups_say_how_many_of_their_parts_must_hold() -> None:
    child = criterion("a", "alternative", says("a"))
    counted = {"url": "https://cds-service.example/fhir/StructureDefinition/at-least"}
    by_parameter = group("c", 1, {**child, "id": "c1"}, {**child, "id": "c2"})
    by_parameter["extension"][0] = {
        **counted,
        "valueExpression": {"language": "text/fhirpath", "expression": "%least"},
    }
    made = plan(
        group("all", "all", child),
        group("any", "one-or-more", {**child, "id": "b"}),
        group("two", 2, {**child, "id": "d"}, {**child, "id": "e"}),
        by_parameter,
        extension=[parameter("least", "Integer", 2)],
    )
    found = section(page(made), "What must be shown").entries
    assert [one.mark for one in found] == ["all of", "any one of", "at least 2 of", "at least 2 of"]
    assert [one.name for one in found[2].parts] == ["d", "e"]


def test_what_is_read_from_another_policy_is_named_by_its_title() -> None:
    need = criterion("need", "required", None, None, determination_of("broken"), definitionCanonical=plan()["url"])
    (found,) = section(page(plan(), plan(need, name="gadget", codes="gadgets")), "What must be shown").entries
    (told,) = lines(found)
    assert told == (
        "Read from another determination: “Title of broken” under the policy “Replacing a widget”, "
        "for an order of A, B in the same set."
    )


def test_parameters_have_their_basis_and_sign_off() -> None:
    (aged, counted) = section(page(full_plan(), ACTIVITY), "Numbers that a reviewer may set").entries
    assert (aged.title, aged.mark, lines(aged)) == ("maxAge: 90 days", "not signed off", ["Basis: not stated"])
    assert counted.title == "count: 1"


def test_sources_have_their_identification_population_and_number() -> None:
    study, book = section(page(full_plan(), ACTIVITY), "Sources").entries
    assert (study.title, study.name, study.mark) == ("A study.", "S1", "confirmed")
    assert lines(study) == [
        "Population: widgets",
        "Number of patients: 7",
        "Strength of recommendation: strong",
        "https://example.org/study",
    ]
    assert (book.title, book.mark) == ("A book.", "identification not stated")


def test_suggestions_say_when_they_are_made() -> None:
    found = section(page(full_plan(), ACTIVITY), "Changes to the order that a card may offer").entries
    assert [lines(one) for one in found] == [["When: “Title of broken” is open"], ["When: the result is not-met"]]


def test_long_value_sets_are_cut_and_counted() -> None:
    sets = [value_set("widgets", "A"), value_set("signs", *(f"c{i:02}" for i in range(25)))]
    made = plan(
        criterion("a", "required", "%findings.where(code.memberOf('https://example.org/fhir/ValueSet/signs')).exists()")
    )
    signs, _ = section(page(made, sets=sets), "Codes that it looks for").entries
    assert (len(signs.remarks), lines(signs)[-1]) == (21, "and 5 more")


def test_what_a_policy_has_not_has_no_section() -> None:
    assert [one.heading for one in page(plan()).sections] == [
        "Status",
        "Decides on",
        "What must be shown",
        "Codes that it looks for",
    ]


# -- which policies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (None, ["gadget", "widget"]),
        ("widget", ["widget"]),
        ("widget|1.0.0", ["widget"]),
        ("https://example.org/fhir/PlanDefinition/gadget", ["gadget"]),
        ("https://example.org/fhir/PlanDefinition/gadget|1.0.0", ["gadget"]),
        ("folder", ["gadget", "widget"]),
        ("C", ["gadget"]),
        ("nobody", []),
    ],
)
def test_policies_are_chosen_by_any_of_their_names(name: str | None, found: list[str]) -> None:
    compiled = compile_policies(artifacts(plan(), plan(name="gadget", codes="gadgets")))
    assert [one.canonical.rpartition("/")[2] for one in chosen(compiled, name)] == found


# -- renderings ---------------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script> \"q\" 'q' & [x](javascript:alert(1)) ![i](http://e) `code` *b* _i_ # \x1b[31m\u202e"
)
SIMPLE = Page(
    title="T",
    warning="W",
    lead="L",
    sections=(
        Section(
            "H",
            "Read it so.",
            (Remark("fact", "value"),),
            (Entry("E", "m", "n", (Remark("about", "text"),), (Entry("inside"),)),),
        ),
    ),
    notice="N",
)


def hostile() -> Page:
    remarks = (
        Remark(HOSTILE, HOSTILE),
        Remark("", HOSTILE, url="javascript:alert(1)"),
        Remark("", HOSTILE, url='https://e.org/"onclick="x'),
        Remark("", HOSTILE, is_code=True),
        Remark("", "link", url="https://example.org/?a=1&b=<2>"),
    )
    entry = Entry(HOSTILE, HOSTILE, HOSTILE, remarks, (Entry(HOSTILE),))
    return Page(HOSTILE, HOSTILE, HOSTILE, (Section(HOSTILE, HOSTILE, remarks, (entry,)),), HOSTILE)


class Reader(HTMLParser):
    """Collects elements and attributes, and checks that what is opened is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(*shown: Page) -> Reader:
    reader = Reader()
    reader.feed("\n".join(as_html(shown, title="Title")))
    reader.close()
    assert reader.open == []
    return reader


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "article", "section"),
    *("h1", "h2", "p", "ul", "li", "strong", "span", "code", "dl", "dt", "dd", "a"),
}


@pytest.mark.parametrize("shown", [(SIMPLE,), (hostile(),), (SIMPLE, hostile())])
def test_html_is_our_markup_alone(shown: tuple[Page, ...]) -> None:
    found = read(*shown).found
    assert {tag for tag, _ in found} <= ELEMENTS
    attributes = {name for _, given in found for name in given}
    assert not any(name.startswith("on") for name in attributes)
    links = [given.get("href") or "" for tag, given in found if tag == "a"]
    assert all(re.match(r"https://example\.org/|#p\d+$", link) for link in links)


def test_html_is_one_document_that_calls_nowhere() -> None:
    found = read(SIMPLE).found
    policy = next(given["content"] for tag, given in found if "http-equiv" in given)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert not any({"src", "srcset", "action"} & given.keys() for _, given in found)
    assert "url(" not in "\n".join(as_html([SIMPLE], title="T"))


def test_html_is_accessible() -> None:
    found = read(SIMPLE, hostile()).found
    assert found[0] == ("html", {"lang": "en"})
    names = [given["id"] for _, given in found if given.get("id")]
    assert len(set(names)) == len(names)
    assert {given["aria-labelledby"] for _, given in found if "aria-labelledby" in given} <= set(names)
    levels = [int(tag[1]) for tag, _ in found if re.fullmatch(r"h\d", tag)]
    assert levels == [1, 2, 1, 2]
    assert sum(tag == "main" for tag, _ in found) == 1
    assert all(
        given["href"].removeprefix("#") in names for tag, given in found if tag == "a" and given["href"][0] == "#"
    )


def test_html_is_readable_in_the_dark_and_in_print() -> None:
    style = "".join(read(SIMPLE).words)
    assert "color-scheme: light dark" in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours. Source: WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_text_stands_out_from_its_ground() -> None:
    style = "".join(read(SIMPLE).words)
    schemes = re.findall(r":root \{([^}]*--ground: #\w{6}[^}]*)\}", style)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", scheme))
        for text, ground in (("text", "ground"), ("dim", "ground"), ("warn", "warn-ground")):
            assert contrast(colours[text], colours[ground]) >= 4.5


def test_text_is_eighty_columns_wide_and_steers_no_terminal() -> None:
    told = list(as_text([SIMPLE, hostile()]))
    assert max(map(len, told)) <= 80
    assert all(line.isprintable() for line in told)
    assert told[:8] == ["W", "", "T", "=", "", "L", "", "H"]
    assert "- E [m, n]" in told
    assert "  - inside" in told


def test_markdown_has_nested_lists_and_brings_nothing_to_life() -> None:
    told = list(as_markdown([SIMPLE]))
    assert told == [
        "# T",
        "",
        "**W**",
        "",
        "L",
        "",
        "## H",
        "",
        "Read it so.",
        "",
        "- fact: value",
        "- **E** (m) `n`",
        "  - about: text",
        "  - **inside**",
        "",
        "*N*",
    ]
    text = "\n".join(as_markdown([hostile()]))
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)[<>]|(?<!\\)!\[|(?<!\\)\]\(javascript", outside_code)


@pytest.mark.parametrize("start", ["- x", "+ x", "1. x", "12) x", "= x"])
def test_markdown_text_that_looks_like_a_list_is_text(start: str) -> None:
    told = list(as_markdown([replace(SIMPLE, lead=start)]))
    assert told[4].replace("\\", "") == start
    assert "\\" in told[4]


def test_markdown_leaves_versions_as_they_are() -> None:
    assert list(as_markdown([replace(SIMPLE, lead="0.1.0")]))[4] == "0.1.0"


# -- what is shipped ----------------------------------------------------------------------------------------------


def test_every_shipped_policy_can_be_shown_in_every_form() -> None:
    compiled, held = shipped()
    made = [show(one, compiled, held) for one in compiled.plans]
    text, markdown = "\n".join(as_text(made)), "\n".join(as_markdown(made))
    words = " ".join(" ".join(read(*made).words).split())
    for plan_ in compiled.plans:
        assert plan_.title in text
        assert plan_.title in markdown
        for node in plan_.walk():
            assert f"{node.id}" in text
            assert node.title in words
    assert text.count("DRAFT - NOT FOR CLINICAL USE") == len(compiled.plans)


def test_no_source_is_a_bare_number() -> None:
    compiled, held = shipped()
    for one in compiled.plans:
        told = "\n".join(as_text([show(one, compiled, held)]))
        assert not re.search(r"\[\d+\]", told)
        assert not re.search(r"Sources: S\d+(,|$)", told, re.MULTILINE)


def test_unknown_because_reasons_are_in_words() -> None:
    because = (unknown_because("stale", "%findings.exists()"), state_text("false", "no"))
    made = plan(criterion("a", "required", says("a"), says("b"), *because))
    (found,) = section(page(made), "What must be shown").entries
    assert lines(found) == [
        "Said if it does not hold: no",
        "Also open where the record is: too old, or from before the last operation",
    ]

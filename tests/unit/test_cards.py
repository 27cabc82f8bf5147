"""Cards: whatever the chart says is shown as it is written and never comes to life; each card stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cards import Presentation, render
from cds_service.cards.text import clean, code, plain
from cds_service.cds_hooks import Card
from cds_service.fhir.unread import Unread, Why
from cds_service.plan_definition.policies import Policies
from tests import charts
from tests.unit.necessity.judging import finding, judge, order
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    Json,
    compiled,
    criterion,
    expression,
    full_plan,
    group,
    parameter,
    plan,
    prompt,
    says,
    state_text,
    suggest_when,
    unknown_because,
    value_set,
)

SANDBOX = Presentation("Example Health", "https://cds.example.org", sandbox=True)
PRODUCTION = Presentation("Example Health", "https://cds.example.org", sandbox=False)

# -- text from a chart --------------------------------------------------------------------------------------------

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</li></ul><h1>MET</h1>",
    "<!-- -->",
    "<![CDATA[x]]>",
    "<https://evil.example>",
    "<javascript:alert(1)>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "[click](javascript:alert(1))",
    "[click](https://evil.example)",
    "[click][1]",
    "[1]: https://evil.example 'title'",
    "![x](https://evil.example/track.png)",
    "![x][1]",
    "https://evil.example/path",
    "_https://evil.example",
    "xhttps://evil.example",
    "HTTP://EVIL.EXAMPLE",
    "www.evil.example",
    "(www.evil.example)",
    "mailto:a@evil.example",
    "ftp://evil.example",
    "**bold** __bold__ *em* _em_ ~~gone~~",
    "`code` ``code`` ```",
    "# heading",
    "\n# heading\n",
    "\n\n---\n\n",
    "\n===\n",
    "- item\n- item",
    "1. item",
    "> quote",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "\\<b\\>",
    "\\[click\\](https://evil.example)",
    "\\",
    "\\`",
    "a\u202emet\u202c b",
    "a\u2066b\u2069",
    "\u061cmet",
    "z\u200be\u200br\u200do\ufeff",
    "so\u00adft",
    "\u180emet",
    "tag\U000e0041\U000e0042",
    "line\u2028para\u2029graph",
    "nul\x00 bell\x07 esc\x1b[31m",
    "\x9b31m",
    "carriage\rreturn\ttab\x0bvertical",
    "- [ ] task",
    "Header\n------",
    "    indented code",
    "[^1]: note",
    "~~~\nfence",
    ":::danger",
    "$$x$$",
    "@here #1",
]
ALIVE = re.compile(r"<(?!/?(?:p|ul|li|strong|code)>)[a-zA-Z/!]")
"""HTML that our cards do not make of themselves."""
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)


@cache
def markdown() -> Any:
    """Return a renderer that lets HTML through, with tables and strike-through: as a careless client would."""
    library = pytest.importorskip("markdown_it", reason="a Markdown library comes with typer's rich, if at all")
    return library.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(text: str) -> str:
    """Return the text that a reader sees of inline Markdown, after checking that nothing came to life."""
    rendered = markdown().render(f"- **Met** – title: {text} – end")
    inner = re.fullmatch(r"<ul>\n<li><strong>Met</strong> – title: (.*) – end</li>\n</ul>\n", rendered, re.DOTALL)
    assert inner is not None, rendered
    assert "<" not in inner.group(1), rendered
    return inner.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_text_is_shown_as_it_was_written(attack: str) -> None:
    assert shown(plain(attack)) == clean(attack)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_text_stays_on_one_line_without_what_a_reader_cannot_see(attack: str) -> None:
    for text in (plain(attack), clean(attack), code(attack)):
        assert not INVISIBLE.search(text)
        assert "\n" not in text
        assert "\t" not in text


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_nothing_is_left_that_github_flavoured_markdown_makes_a_link_of(attack: str) -> None:
    assert not re.search(r"(?i)(https?|ftp|mailto|xmpp):|www\.|<|(?<!\\)[\[\]]", plain(attack))


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_shown_as_it_was_written(text: str) -> None:
    assert shown(plain(text)) == clean(text)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_text_in_a_code_span_stays_in_it(attack: str) -> None:
    rendered = markdown().render(f"- {code('x' + attack)} end")
    assert re.fullmatch(r"<ul>\n<li><code>[^<>]*</code> end</li>\n</ul>\n", rendered), rendered


@pytest.mark.parametrize(("text", "shortened"), [("x" * 600, False), ("x" * 601, True), ("x " * 10_000, True)])
def test_text_is_of_bounded_length(text: str, shortened: bool) -> None:
    assert len(clean(text)) <= 600
    assert clean(text).endswith("…") is shortened


def test_nothing_is_no_text() -> None:
    assert plain(None) == ""


# -- attacks through a whole card ---------------------------------------------------------------------------------


@cache
def policies() -> Policies:
    told = "%findings.where(code.coding.exists(code = 'state')).first()"
    words = f"{told}.code.text & ' at ' & {told}.bodySite.text"
    checked = criterion(
        "broken",
        "required",
        says("broken"),
        says("intact"),
        unknown_because("preliminary", "%rejected.resource.ofType(Observation).exists()"),
        *(state_text(state, expression(words)) for state in ("true", "false", "unknown")),
        prompt("State whether the widget is broken."),
    )
    return compiled(
        plan(
            checked,
            criterion("site", "required", "%order.bodySite.exists()"),
            criterion("again", "condition", "%findings.exists()", None, state_text("true", expression(words))),
            criterion("careful", "caution", "%findings.exists()", None, state_text("true", expression(words))),
            criterion("asked", "caution", says("never"), None, state_text("unknown", expression(words))),
        )
    )


def attacked(attack: str, value: str) -> list[Json]:
    """Return a chart in which everything that may hold words holds an attack."""
    about = finding(value)["code"]
    coding = {**about["coding"][0], "display": attack}
    return [
        order(
            "A",
            bodySite=[{"text": attack}, {"coding": [{"code": attack, "system": attack, "display": attack}]}],
            encounter={"reference": attack, "display": attack},
        ),
        finding(value, bodySite={"text": attack}, note=[{"text": attack}])
        | {"code": {"coding": [coding], "text": attack}},
        finding(attack, "other", name="f2", status=attack, id=attack or "f2"),
        {"resourceType": "ServiceRequest", "id": "o9", "status": attack, "subject": {"reference": attack}},
    ]


def rendered(chart: list[Json], unread: tuple[Unread, ...] = ()) -> tuple[Card, ...]:
    cards = render(judge(policies(), *chart).determinations, SANDBOX, unread=unread)
    assert len(cards) == 1
    return cards


@pytest.mark.requirement("C4")
@pytest.mark.parametrize("value", ["broken", "intact", "strange"])
@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_no_attack_through_the_chart_comes_to_life_in_a_card(attack: str, value: str) -> None:
    (card,) = rendered(attacked(attack, value), unread=(Unread(f"prefetch.{attack}", Why.FAILED),))
    detail = card.detail or ""
    assert not ALIVE.search(markdown().render(detail)), detail
    assert not INVISIBLE.search(detail + card.summary)
    assert "evil.example" not in "".join(re.findall(r'(?:href|src)="([^"]*)"', markdown().render(detail)))
    assert "\n" not in card.summary
    assert len(card.summary) <= 139


def test_the_attacks_do_reach_the_card() -> None:
    (card,) = rendered(attacked("<b>canary</b>", "broken"))
    assert (card.detail or "").count("&lt;b&gt;canary") >= 3
    (card,) = rendered(attacked("<b>canary</b>", "strange"))
    assert (card.detail or "").count("&lt;b&gt;canary") >= 3


def test_the_status_of_a_refused_resource_is_text_like_any_other() -> None:
    chart = [order("A"), finding("x", status="<img src=x onerror=alert(1)>")]
    (card,) = rendered(chart)
    assert "&lt;img" in (card.detail or "")
    assert "<img" not in (card.detail or "")


def test_an_attack_does_not_change_the_lines_of_a_card() -> None:
    harmless = rendered(attacked("words", "broken"))[0].detail or ""
    for attack in ATTACKS:
        detail = rendered(attacked(attack, "broken"))[0].detail or ""
        starts = [line[:12] for line in detail.splitlines()]
        assert starts == [line[:12] for line in harmless.splitlines()]


# -- the summary --------------------------------------------------------------------------------------------------


def long_policies(words: str, **more: Any) -> Policies:
    texts = [state_text(state, words) for state in ("true", "false")] if words else []
    checked = criterion(
        "broken", "required", says("broken"), says("intact"), *texts, prompt(words or "?"), title=words or "x"
    )
    parts = [criterion(f"p{i}", "alternative", says("broken"), says("intact"), title=f"{words} {i}") for i in range(5)]
    return compiled(
        plan(
            checked,
            group("ways", "one-or-more", *parts),
            criterion("fit", "code-fit", says("fits", "fit"), says("misfits", "fit"), *texts, title=words or "x"),
            criterion("kind", "scope", says("widget", "kind"), says("toy", "kind"), *texts, title=words or "x"),
            criterion("note", "caution", title=words or "x"),
            title=words or "x",
            **more,
        )
    )


LONG = (
    criterion("broken", "required", says("broken"), says("intact"), prompt("?")),
    criterion("fit", "code-fit", says("fits", "fit"), says("misfits", "fit")),
    criterion("kind", "scope", says("widget", "kind"), says("toy", "kind")),
)
KIND, FIT = finding("widget", "kind", name="k"), finding("fits", "fit", name="fit")
OUTCOMES: dict[str, list[Json]] = {
    "met": [finding("broken"), KIND, FIT],
    "not-met clinical": [finding("intact"), KIND, FIT],
    "not-met coding": [finding("broken"), KIND, finding("misfits", "fit", name="fit")],
    "information-missing": [KIND],
    "not-applicable": [finding("broken"), finding("toy", "kind", name="k")],
}


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("length", [1, 20, 60, 120, 139, 140, 141, 600, 5000])
@pytest.mark.parametrize("case", OUTCOMES)
def test_a_summary_is_one_line_under_140_characters(case: str, length: int) -> None:
    words = ("word " * 1000)[:length].strip() or "w"
    site = [{"text": words}]
    drafts = [order("A", bodySite=site), order("B", "o2", bodySite=site)]
    found = judge(long_policies(words), *drafts, *OUTCOMES[case]).determinations
    assert {f"{one.outcome}{f' {one.kind}' if one.kind else ''}" for one in found} == {case}
    for card in render(found, SANDBOX):
        assert 0 < len(card.summary) <= 139
        assert card.summary == " ".join(card.summary.split())


@pytest.mark.parametrize("case", OUTCOMES)
@pytest.mark.parametrize("count", [10, 20, 40])
def test_a_summary_of_many_orders_is_no_longer(case: str, count: int) -> None:
    codes = [f"code-{i:03}" for i in range(count)]
    made = compiled(plan(*LONG, codes="many"), sets=[value_set("many", *codes)])
    drafts = [order(code, f"o{i}") for i, code in enumerate(codes)]
    (card,) = render(judge(made, *drafts, *OUTCOMES[case]).determinations, SANDBOX)
    assert 0 < len(card.summary) <= 139


@pytest.mark.parametrize("case", OUTCOMES)
def test_a_summary_uses_the_length_that_there_is_and_no_more(case: str) -> None:
    lengths = set()
    for size in range(40, 145):
        words = ("word " * 30)[:size].strip().ljust(size, "x")
        (card,) = render(judge(long_policies(words), order("A"), *OUTCOMES[case]).determinations, SANDBOX)
        lengths.add(len(card.summary))
    assert max(lengths) in (138, 139)


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_the_summary_of_any_site_is_one_line_under_140_characters(words: str) -> None:
    found = judge(policies(), order("A", bodySite=[{"text": words}]), finding("broken", bodySite={"text": words}))
    (card,) = render(found.determinations, SANDBOX)
    assert len(card.summary) <= 139
    assert not INVISIBLE.search(card.summary)


def test_a_policy_that_may_not_decide_is_summed_up_without_a_verdict() -> None:
    found = judge(policies(), order("A"), finding("broken"), production=True).determinations
    (card,) = render(found, PRODUCTION)
    assert card.summary == "A: necessity was not evaluated - the policy is draft, not active. This is not a denial."
    assert card.indicator == "info"


@pytest.mark.requirement("resp-25")
@pytest.mark.parametrize("case", OUTCOMES)
def test_no_card_speaks_of_denial_or_coverage(case: str) -> None:
    for card in render(judge(long_policies("words"), order("A"), *OUTCOMES[case]).determinations, SANDBOX):
        text = f"{card.summary} {card.detail}".lower()
        assert not re.search(r"\bdenied|\bdeny|not covered|covered\b|rejected", text)


# -- the frame of a card ------------------------------------------------------------------------------------------


@pytest.mark.requirement("resp-1")
@pytest.mark.parametrize(
    ("case", "indicator", "topic"),
    [
        ("met", "info", "guideline"),
        ("not-met clinical", "warning", "off-guideline"),
        ("not-met coding", "warning", "claim"),
        ("information-missing", "warning", "guideline"),
        ("not-applicable", "info", "guideline"),
    ],
)
def test_an_outcome_has_its_indicator_and_topic(case: str, indicator: str, topic: str) -> None:
    (card,) = render(judge(long_policies("words"), order("A"), *OUTCOMES[case]).determinations, SANDBOX)
    assert card.indicator == indicator
    assert card.source.topic is not None
    assert card.source.topic.code == topic


def test_cards_are_grouped_by_folder_and_outcome_and_the_most_severe_is_first() -> None:
    twice = compiled(plan(), plan(name="gadget", codes="gadgets"))
    chart = [order("A"), order("B", "o2"), order("C", "o3"), finding("broken")]
    assert len(render(judge(twice, *chart).determinations, SANDBOX)) == 1
    sides = criterion(
        "side",
        "required",
        "%order.bodySite.where(text = 'left').exists()",
        "%order.bodySite.where(text = 'right').exists()",
    )
    chart = [order("A", bodySite=[{"text": "right"}]), order("B", "o2", bodySite=[{"text": "left"}])]
    cards = render(judge(compiled(plan(sides)), *chart).determinations, SANDBOX)
    assert [card.indicator for card in cards] == ["warning", "info"]


def test_a_state_that_the_policy_calls_critical_raises_the_card() -> None:
    wrong = criterion(
        "side",
        "required",
        says("left"),
        says("right"),
        state_text("false", "the other side", indicator=("Code", "critical")),
    )
    (card,) = render(judge(compiled(plan(wrong)), order("A"), finding("right")).determinations, SANDBOX)
    assert card.indicator == "critical"
    assert card.source.topic is not None
    assert card.source.topic.code == "contraindication"


def test_a_sandbox_stamps_what_is_not_active() -> None:
    found = judge(policies(), order("A"), finding("broken")).determinations
    assert "DRAFT POLICY" in (render(found, SANDBOX)[0].detail or "")
    assert "DRAFT POLICY" not in (render(found, PRODUCTION)[0].detail or "")


def test_every_card_stands_alone() -> None:
    for card in render(charts.determine(charts.base("both")).determinations, SANDBOX):
        detail = card.detail or ""
        assert UUID(card.uuid or "").version == 5
        for needed in ("**Policy**", "as of 2026-01-15", "A physician decides", "review stage"):
            assert needed in detail
        assert card.links


def test_ids_come_from_content() -> None:
    chart = [order("A"), finding("broken")]
    one, same = (render(judge(policies(), *chart).determinations, SANDBOX)[0] for _ in range(2))
    other = render(judge(policies(), order("A"), finding("intact")).determinations, SANDBOX)[0]
    assert one.uuid == same.uuid != other.uuid
    assert one == same


@pytest.mark.requirement("C10")
def test_reasons_to_override_are_offered_where_something_is_asked() -> None:
    made = compiled(full_plan(), ACTIVITY)
    scope = finding("widget", "kind", name="k")
    (missing,) = render(judge(made, order("A"), scope).determinations, SANDBOX)
    assert [one.code for one in missing.override_reasons] == ["r1", "r2"]
    (outside,) = render(judge(made, order("A"), finding("gadget", "kind", name="k")).determinations, SANDBOX)
    assert outside.override_reasons == ()


# -- what is missing ----------------------------------------------------------------------------------------------


def test_a_gap_names_what_to_supply_and_the_problem_that_kept_it_open() -> None:
    made = compiled(
        plan(criterion("broken", "required", "%findings.latest().value.exists()", None, prompt("Say when.")))
    )
    undated = finding("broken")
    del undated["effectiveDateTime"]
    (card,) = render(judge(made, order("A"), undated).determinations, SANDBOX)
    told = "- Title of broken: Say when. (which of these is the newest cannot be told from their dates)"
    assert told in (card.detail or "")
    assert card.summary == "A: information missing - Title of broken"


def test_only_the_leaves_that_keep_it_open_are_gaps() -> None:
    ways = [criterion(name, "alternative", says(name), says(f"no {name}"), prompt(f"Is it {name}?")) for name in "xyz"]
    made = compiled(plan(group("ways", "one-or-more", *ways, role="required"), criterion("c", "caution", says("c"))))
    (card,) = render(judge(made, order("A"), finding("no x")).determinations, SANDBOX)
    section = (card.detail or "").partition("**What is missing**")[2].partition("**Policy**")[0]
    assert [line for line in section.splitlines() if line.startswith("- ")] == [
        "- Title of y: Is it y?",
        "- Title of z: Is it z?",
        *[line for line in section.splitlines() if line.startswith("- **")],
    ][: section.count("\n- ")]
    assert "Is it x?" not in section


def test_a_group_that_is_open_by_itself_is_a_gap() -> None:
    made = plan(
        group("ways", 1, criterion("x", "alternative", says("x")), role="required"),
        extension=[parameter("n", "Integer", 9)],
    )
    made["action"][0]["action"][0]["extension"][0] = {
        "url": "https://cds-service.example/fhir/StructureDefinition/at-least",
        "valueExpression": expression("%n"),
    }
    (card,) = render(judge(compiled(made), order("A"), finding("x")).determinations, SANDBOX)
    assert card.summary == "A: information missing - Title of ways"
    assert "none from 1 to all" in (card.detail or "")


def test_what_could_not_be_read_is_said() -> None:
    (card,) = rendered([order("A"), finding("broken")], unread=(Unread("prefetch.conditions", Why.FAILED),))
    assert "- `prefetch.conditions`: the search failed" in (card.detail or "")


def test_conflicting_evidence_is_shown_on_both_sides() -> None:
    (card,) = rendered([order("A"), finding("broken"), finding("intact", name="f2")])
    assert "the record contradicts itself" in (card.detail or "")
    assert "`Observation/f1.value`" in (card.detail or "")
    assert "`Observation/f2.value`" in (card.detail or "")


def test_a_code_that_conflicts_with_another_order_says_so() -> None:
    conflict = criterion("twice", "code-conflict", says("both"), says("one"), state_text("true", "billed with another"))
    made = compiled(plan(criterion("broken", "required", "%findings.exists()"), conflict))
    (card,) = render(judge(made, order("A"), finding("both")).determinations, SANDBOX)
    assert card.summary.startswith("A: billed with another.")
    assert "- **Conflicts** – Title of twice: billed with another" in (card.detail or "")
    (card,) = render(judge(made, order("A"), finding("one")).determinations, SANDBOX)
    assert "twice" not in (card.detail or "")


def test_an_exclusion_reads_as_what_it_is() -> None:
    made = compiled(plan(criterion("barred", "exclusion", says("yes"), says("no"))))
    for value, words in (("yes", "Stands against it"), ("no", "Ruled out")):
        (card,) = render(judge(made, order("A"), finding(value)).determinations, SANDBOX)
        assert f"- **{words}** – Title of barred" in (card.detail or "")


def test_the_words_of_the_part_that_decides_are_the_words_of_the_card() -> None:
    parts = [
        criterion("x", "alternative", says("x"), says("no x")),
        criterion("y", "alternative", says("y"), says("no y"), state_text("false", "there is no y")),
    ]
    made = compiled(plan(group("ways", "one-or-more", *parts, role="required")))
    chart = [order("A"), finding("no x"), finding("no y", name="f2")]
    (card,) = render(judge(made, *chart).determinations, SANDBOX)
    assert card.summary == "A: there is no y. Physician review."


def test_an_order_placed_twice_is_said_to_be_judged_once() -> None:
    (card,) = rendered([order("A"), order("A", "o2"), finding("broken")])
    assert "- ordered more than once, evaluated once: `ServiceRequest/o2`" in (card.detail or "")


def test_much_evidence_is_cut_and_counted() -> None:
    many = [finding("broken", name=f"f{i}") for i in range(7)]
    (card,) = rendered([order("A", bodySite=[{"text": "left"}]), *many])
    assert "; and 3 more" in (card.detail or "")


# -- suggestions --------------------------------------------------------------------------------------------------


def suggesting(kind: str, drafted: Json, **when: Any) -> tuple[Any, ...]:
    more = {"definitionCanonical": ACTIVITY["url"]} if kind == "create" else {}
    change = criterion(
        "change", "supporting", None, None, suggest_when(**when), type={"coding": [{"code": kind}]}, **more
    )
    made = compiled(plan(criterion("broken", "required", says("broken"), says("intact")), change), ACTIVITY)
    (card,) = render(judge(made, drafted, finding("intact")).determinations, SANDBOX)
    return card.suggestions


@pytest.mark.requirement("C9")
def test_an_order_may_be_removed() -> None:
    (suggestion,) = suggesting("remove", order("A"), outcome=("Code", "not-met"))
    (action,) = suggestion.actions
    assert (action.type, action.resource_id) == ("delete", "ServiceRequest/o1")


@pytest.mark.parametrize("name", [None, "", "a b", "a/b", "a`b", "x" * 65, 5, {"a": 1}], ids=repr)
def test_an_order_that_cannot_be_named_is_not_offered_for_removal(name: object) -> None:
    assert suggesting("remove", order("A") | {"id": name}, outcome=("Code", "not-met")) == ()


@pytest.mark.parametrize(
    "change",
    [{"resource": order("A", status="active")}, {"resource": order("A"), "reference": "Appointment/a1"}],
    ids=["signed", "booked"],
)
def test_what_is_no_draft_is_not_offered_for_removal(change: Json) -> None:
    removal = criterion(
        "change",
        "supporting",
        None,
        None,
        suggest_when(outcome=("Code", "not-met")),
        type={"coding": [{"code": "remove"}]},
    )
    made = compiled(plan(criterion("broken", "required", says("broken"), says("intact")), removal))
    (found,) = judge(made, order("A"), finding("intact")).determinations
    (offered,) = render([found], SANDBOX)
    (card,) = render([replace(found, order=replace(found.order, **change))], SANDBOX)
    assert (len(offered.suggestions), card.suggestions) == (1, ())


@pytest.mark.requirement("C9", "resp-53")
def test_an_order_may_be_added_for_the_same_patient() -> None:
    (suggestion,) = suggesting(
        "create",
        order("A", encounter={"reference": "Encounter/e1"}, requester={"reference": "Practitioner/d1"}),
        criterion=("Id", "broken"),
        state=("Code", "false"),
    )
    (action,) = suggestion.actions
    assert action.resource == {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": ACTIVITY["code"],
        "authoredOn": "2026-01-15",
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "requester": {"reference": "Practitioner/d1"},
    }


@pytest.mark.parametrize(
    "when",
    [
        {"outcome": ("Code", "met")},
        {"criterion": ("Id", "broken"), "state": ("Code", "true")},
        {"criterion": ("Id", "nothing")},
        {},
    ],
    ids=repr,
)
def test_a_suggestion_for_another_state_of_affairs_is_not_made(when: Json) -> None:
    assert suggesting("remove", order("A"), **when) == ()


# -- whole charts -------------------------------------------------------------------------------------------------


def all_cards() -> Iterator[Card]:
    for name in ("seed-1", "seed-2", "both"):
        yield from render(charts.determine(charts.base(name)).determinations, SANDBOX)


@pytest.mark.requirement("C4", "resp-10")
def test_the_cards_of_the_fixtures_hold_no_html_no_table_and_no_link_in_their_text() -> None:
    for card in all_cards():
        detail = card.detail or ""
        assert not ALIVE.search(markdown().render(detail))
        assert not re.search(r"^\|", detail, re.MULTILINE)
        assert "](" not in detail


def test_a_met_card_names_no_gap_and_an_open_one_does() -> None:
    for case, told in (("met", False), ("information-missing", True)):
        (card,) = render(judge(long_policies("words"), order("A"), *OUTCOMES[case]).determinations, SANDBOX)
        assert ("**What is missing**" in (card.detail or "")) is told

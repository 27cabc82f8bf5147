"""Regular expressions: what they match, and that no pattern runs away, with google-re2 and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cds_service.errors import EvaluationError, ExpressionError, ExpressionTooLarge, LimitExceeded
from cds_service.expressions.language import MAX_STEPS
from cds_service.fhirpath import regex
from cds_service.fhirpath.regex import compile_pattern
from tests.unit.fhirpath.evaluating import items

WITHOUT = pytest.mark.parametrize("engine", ["re"], indirect=True)


@pytest.fixture(params=["re", "re2"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "re":
        monkeypatch.setattr(regex, "re2", None)
    elif regex.re2 is None:
        pytest.skip("google-re2 is not installed here")
    compile_pattern.cache_clear()
    yield request.param
    compile_pattern.cache_clear()


class Steps:
    """What an evaluation may spend, and has spent."""

    spent = 0

    def __call__(self, count: int) -> None:
        self.spent += count
        if self.spent > MAX_STEPS:
            raise LimitExceeded("too many", limit="steps")


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("C41.2", r"^C41\.\d$", True),
        ("C41x2", r"^C41\.\d$", False),
        ("a\nb", "a.b", True),
        ("grade III", "(?i)GRADE (I|II|III)$", True),
        ("ab-ab", r"(?:ab|cd)-\w+", True),
        ("", "^$", True),
        ("x", "", True),
        ("٣", r"\d", False),
        ("a]b", r"[]x]b", True),
        ("(a)", r"\(a\)", True),
        ("{a}", "{a}", True),
        ("a\n", "a$", False),
        ("a\n", r"a\z", False),
        ("a", r"a\z", True),
        ("a\nb", "(?m)a$", True),
        ("a\nb", "a$", False),
    ],
)
def test_a_pattern_is_searched_in_the_text(text: str, pattern: str, found: bool) -> None:
    assert compile_pattern(pattern).search(text, Steps()) is found


def test_the_whole_text_can_be_asked_for() -> None:
    assert compile_pattern("a|ab").fullmatch("ab", Steps()) is True
    assert compile_pattern("a|b").fullmatch("ab", Steps()) is False


@pytest.mark.parametrize(
    ("text", "pattern", "by", "made"),
    [
        ("11/30/1972", r"(\d+)/(\d+)/(\d+)", "$3-$1-$2", "1972-11-30"),
        ("ab", "(?P<first>a)(?P<last>b)", "${last}${first}", "ba"),
        ("ab", "(?<first>a)(?<last>b)", "${last}${first}", "ba"),
        ("aXb", "X", r"\1é", r"a\1éb"),
        ("ab", "(x)?b", "<$1$0>", "a<b>"),
        ("abc", "", "-", "abc"),
        ("abc", "b*", "-", "-a--c-"),
    ],
)
def test_matches_are_replaced(text: str, pattern: str, by: str, made: str) -> None:
    assert compile_pattern(pattern).replace(text, by, Steps()) == made


@pytest.mark.parametrize("by", ["$2", "${last}", "${12}"])
def test_a_substitution_may_only_name_groups_that_there_are(by: str) -> None:
    with pytest.raises(EvaluationError, match="names a group"):
        compile_pattern("(a)").replace("a", by, Steps())


@pytest.mark.parametrize("pattern", ["(", "*a", "[a", "(?P<n>", r"\Z\k"])
def test_what_is_no_pattern_is_a_fault(pattern: str) -> None:
    with pytest.raises(EvaluationError, match=r"not a regular expression|not there without"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", [r"(a)\1", "a" * 1_001, "x{1000}" * 140 + "x"])
def test_some_patterns_are_refused_by_either_engine(pattern: str) -> None:
    with pytest.raises(LimitExceeded) as fault:
        compile_pattern(pattern).search("x" * 100_000, Steps())
    assert fault.value.limit in ("regex", "steps")


@WITHOUT
@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a*)*b", "(a|a)*b", "(a|ab)+c", "(a?)*b", "(a{1,3}){2}", "((a+)b?)*c", "([a-z]+)*!", "(?:a|(?=a*)){9}"],
)
def test_without_google_re2_what_may_take_exponential_time_is_refused(pattern: str) -> None:
    with pytest.raises(LimitExceeded) as fault:
        compile_pattern(pattern)
    assert fault.value.limit == "regex"


@WITHOUT
@pytest.mark.parametrize("pattern", ["(?x)a # b", "(?#)a", "(?>a)", "(?P=n)", "(?(1)a|b)", "[[a]]", "[a--b]", "[a||b]"])
def test_without_google_re2_what_cannot_be_judged_is_refused(pattern: str) -> None:
    with pytest.raises(EvaluationError, match="without google-re2"):
        compile_pattern(pattern)


@WITHOUT
@pytest.mark.parametrize(
    "pattern", ["(ab)*c", "(a|b)?c", "(?:a?b){1}", "((a)|b)", "(?=a+)b", "[^]]+", r"\d{4}(-\d\d)?"]
)
def test_without_google_re2_what_is_judged_harmless_is_carried_out(pattern: str) -> None:
    assert compile_pattern(pattern).search("none of it", Steps()) in (True, False)


@WITHOUT
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (".*.*.*b", "a" * 300),
        ("a*a*a*a*a*b", "a" * 100),
        ("a?" * 25 + "a" * 25 + "b", "a" * 50),
        ("(?:a|a)" * 30 + "b", "a" * 50),
        (".*b", "a" * 100_000),
        ("(){4000000000}", "a"),
        ("a{0,30}" * 9 + "b", "a" * 300),
    ],
)
def test_without_google_re2_a_search_that_tries_too_much_is_not_begun(pattern: str, text: str) -> None:
    with pytest.raises(LimitExceeded) as fault:
        compile_pattern(pattern).search(text, Steps())
    assert fault.value.limit == "steps"


def test_a_search_of_a_short_text_costs_little() -> None:
    steps = Steps()
    compile_pattern(r"^[A-Z]\d{2}(\.\d+)?$").search("C41.2", steps)
    assert steps.spent < 10
    compile_pattern(".*metasta.*").search("no sign of a primary tumour; " * 5, steps)
    assert steps.spent < MAX_STEPS / 10


def test_replacing_stops_as_soon_as_the_text_grows_too_long() -> None:
    with pytest.raises(LimitExceeded) as fault:
        compile_pattern("a").replace("a" * 20_000, "b" * 100, Steps())
    assert fault.value.limit == "text"


def test_replacing_is_paid_for_by_the_match() -> None:
    with pytest.raises(LimitExceeded) as fault:
        compile_pattern("a").replace("a" * 300_000, "", Steps())
    assert fault.value.limit == "steps"


def test_a_literal_pattern_is_refused_when_the_expression_is_compiled() -> None:
    with pytest.raises(ExpressionTooLarge) as too_large:
        items(r"'a'.matches('(a)\\1')")
    assert (too_large.value.limit, too_large.value.position) == ("regex", 12)
    with pytest.raises(ExpressionError, match="not a regular expression") as fault:
        items("'a'.replaceMatches('(', 'b')")
    assert fault.value.position == 19


def test_a_computed_pattern_is_refused_when_it_is_met() -> None:
    with pytest.raises(LimitExceeded) as fault:
        items(r"'a'.matches('(a)\\' & '1')")
    assert fault.value.limit == "regex"
    assert items("'ab'.matches('a' & 'b')") == [True]
    assert items("'ab'.matches({})") == []
    assert items("'ab'.matches(iif(true, {}))") == []


@pytest.mark.parametrize("source", ["'a'.matches(1)", "'a'.matchesFull(true)", "'a'.replaceMatches('a', 1)"])
def test_patterns_and_substitutions_are_text(source: str) -> None:
    with pytest.raises(EvaluationError, match=r"takes a pattern|should be text"):
        items(source)

"""Expressions that would take all time or memory there is, each with the limit that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import compile_fhirpath

__all__ = ["EXPRESSIONS", "PATTERNS", "Hostile", "Search", "evaluate"]


@dataclass(frozen=True, slots=True)
class Hostile:
    """An expression, and the name of the limit that it meets."""

    name: str
    source: str
    limit: str


@dataclass(frozen=True, slots=True)
class Search:
    """A pattern and the text that it is searched in, and what comes of it without google-re2, and with it.

    A limit, `answer` where that is no trouble, `fault` where it does not have what the pattern uses.
    """

    name: str
    pattern: str
    text: str
    limit: str
    with_re2: str = "answer"

    @property
    def source(self) -> str:
        """Return the expression that searches."""
        pattern = self.pattern.replace("\\", "\\\\")
        return f"{self.text}.matches('{pattern}')"


@cache
def chart() -> PatientRecord:
    """Return a record of 2,000 resources with more than 50,000 elements."""

    def concept(name: str) -> Mapping[str, Any]:
        return {"coding": [{"system": "http://example.org/codes", "code": f"{name}-{i}"} for i in range(5)]}

    def observation(number: int) -> Mapping[str, Any]:
        return {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": concept(f"a{number}"),
            "component": [{"code": concept(f"b{number}"), "valueInteger": number}],
        }

    return PatientRecord("p1", [observation(number) for number in range(2_000)])


def evaluate(source: str) -> Any:
    """Return the items of an expression over the chart. Raises ExpressionError and EvaluationError."""
    compiled = compile_fhirpath(source, Scope(strict=False))
    return compiled.items(Environment(chart(), Date((2026, 1, 15)), values={}, defined={}))


def _nested(before: str, inside: str, after: str, levels: int) -> str:
    return before * levels + inside + after * levels


def _doubled(start: str, step: str, rounds: int) -> str:
    """Return a chain of variables, each made of the one before it, which `%v` stands for in `step`."""
    names = [f"v{i}" for i in range(rounds)]
    steps = [step.replace("%v", f"%{name}") for name in names[:-1]]
    defined = [f".defineVariable('{name}', {value})" for name, value in zip(names, (start, *steps), strict=True)]
    return f"1{''.join(defined)}.select(%{names[-1]})"


MANY = "1.repeat(iif($this < 3000, $this + 1))"
HUNDRED = f"({' | '.join(map(str, range(100)))})"
LONG = f"'{'a' * 9_000}'"
LARGE = f"'{'a' * 64}'" + ".select($this & $this)" * 13
"""A text of half a million characters."""

_NESTED = [
    Hostile("parentheses", _nested("(", "1", ")", 400), "depth"),
    Hostile("sums", "1" + " + 1" * 500, "depth"),
    Hostile("sums with parentheses", _nested("(1 + ", "1", ")", 400), "depth"),
    Hostile("minus signs", "-" * 300 + "1", "depth"),
    Hostile("indexes in indexes", _nested("name[", "0", "]", 300), "depth"),
    Hostile("indexes after indexes", "entry" + "[0]" * 300, "depth"),
    Hostile("filters after filters", "entry" + ".where(true)" * 300, "depth"),
    Hostile("filters in filters", _nested("(1).where(", "true", ")", 300), "depth"),
    Hostile("alternatives", " or ".join(["true"] * 1_000), "depth"),
    Hostile("implications", " implies ".join(["true"] * 1_000), "depth"),
    Hostile("conditions of a filter", f"(1).where({' and '.join(['true'] * 1_500)})", "depth"),
    Hostile("conditions of a quantifier", f"(1).all({' and '.join(['true'] * 1_500)})", "depth"),
    Hostile("type tests", "1 is Integer" + " is Boolean" * 500, "depth"),
    Hostile("casts", "1" + " as Integer" * 500, "depth"),
    Hostile("elements", "entry.resource.ofType(Observation)" + ".extension" * 300, "depth"),
    Hostile("choices", _nested("iif(true, ", "1", ")", 300), "depth"),
    Hostile("unions", "1" + " | 1" * 500, "depth"),
    Hostile("texts", "'a'" + " & 'a'" * 500, "depth"),
    Hostile("variables", "1" + "".join(f".defineVariable('v{i}')" for i in range(300)), "depth"),
    Hostile("repetitions in repetitions", _nested("('a').repeat(1 | @2020 | true.repeat(", "1", "))", 12), "steps"),
]
_LONG = [
    Hostile("characters", "1" + " " * 20_000, "length"),
    Hostile("a long literal", f"'{'a' * 20_000}'", "length"),
    Hostile("a long name", "a" * 20_001, "length"),
    Hostile("a long type", "1 is " + ".".join(["System"] * 3_000), "length"),
    Hostile("a long comment", f"/*{'/*' * 10_000}*/ 1", "length"),
    Hostile("a long number", "9" * 5_000, "number"),
    Hostile("a long decimal", "1." + "9" * 5_000, "number"),
    Hostile("a long quantity", f"{'9' * 5_000} 'mg'", "number"),
]
_GROWING = [
    Hostile("counting", "1.repeat($this + 1)", "items"),
    Hostile("counting in numbers of one hash", "1.repeat($this + 2305843009213693951)", "items"),
    Hostile("counting down by halves", "1.0.repeat($this / 2)", "number"),
    Hostile("a growing text", "'a'.repeat($this & 'a')", "steps"),
    Hostile("a growing tree", "1.repeat($this * 2 | $this * 2 + 1)", "items"),
    Hostile("repetition of a repetition", "1.repeat($this.repeat($this + 1))", "items"),
    Hostile("texts doubled", f"{HUNDRED}.aggregate($total & $total, 'a')", "text"),
    Hostile("texts added", f"{HUNDRED}.aggregate($total + $total, 'a')", "text"),
    Hostile("squares", f"{HUNDRED}.aggregate($total * $total, 2)", "number"),
    Hostile("squares of decimals", f"{HUNDRED}.aggregate($total * $total, 1.5)", "number"),
    Hostile("squares of small decimals", f"{HUNDRED}.aggregate($total * $total, 0.1)", "number"),
    Hostile("squares of quantities", f"{HUNDRED}.aggregate($total * $total, 1 'm')", "text"),
    Hostile("quotients of quantities", f"{MANY}.aggregate($total / 1 'm', 1 's')", "text"),
    Hostile("a factorial", f"{HUNDRED}.skip(1).aggregate($total * $this, 1)", "number"),
    Hostile("items doubled", f"{HUNDRED}.aggregate($total.combine($total), 1)", "items"),
    Hostile("items doubled apart", f"{HUNDRED}.aggregate($total | $total.select($this + $total.count()), 0)", "items"),
    Hostile("variables of items doubled", _doubled("1 | 2", "%v.combine(%v)", 40), "items"),
    Hostile("variables of texts doubled", _doubled("'a'", "%v & %v", 40), "text"),
    Hostile("a tower of powers", "2" + ".power(9)" * 5, "number"),
    Hostile("a tower of exponentials", "1" + ".exp()" * 9, "number"),
    Hostile("a large power", "2.power(1000000)", "number"),
    Hostile("a large power of a decimal", "1.1.power(9999999999999999999999999999)", "number"),
    Hostile("a long duration", "@2020-01-01 + 9999999999999 years", "number"),
    Hostile("a long time", "@T10:00 + 9999999999999 hours", "number"),
    Hostile("texts joined", f"{LONG}.toChars().join('{'b' * 9_000}')", "text"),
    Hostile("parts replaced", f"{LONG}.replace('a', '{'b' * 9_000}')", "text"),
    Hostile("matches replaced", f"{LONG}.replaceMatches('a', '{'b' * 9_000}')", "text"),
    Hostile("references replaced", f"{LONG}.replaceMatches('.*', '{'$0' * 2_000}')", "text"),
    Hostile("a text in characters", f"{LARGE}.toChars()", "items"),
    Hostile("a text in parts", f"{LARGE}.split('a')", "items"),
    Hostile("hexadecimals", "'a'" + ".encode('hex')" * 30, "text"),
    Hostile("escapes", "'\\\\'" + ".escape('json')" * 30, "text"),
    Hostile("everything", "descendants()", "items"),
    Hostile("everything, step by step", "repeat(children())", "items"),
    Hostile("all with all", "entry.select(%resource.entry)", "items"),
    Hostile("all with each of many", f"{MANY}.select({MANY})", "items"),
]
_IN_LOOPS = [
    Hostile("all with all, three times", "entry.all(%resource.entry.all(%resource.entry.count() > 1))", "steps"),
    Hostile("everything, again and again", "entry.where(%resource.entry[0].descendants().count() > 1)", "steps"),
    Hostile("sums of sums", f"{MANY}.aggregate($total + {MANY}.aggregate($total + 1, 0), 0)", "steps"),
    Hostile("order by what is costly", "entry.sort(%resource.entry.resource.count())", "steps"),
    Hostile("order again and again", "entry.where(%resource.entry.sort(resource.id).exists())", "steps"),
    Hostile("equality again and again", "entry.where(%resource.entry = %resource.entry.tail())", "steps"),
    Hostile("equivalence in another order", f"{MANY} ~ {MANY}.sort(-$this)", "steps"),
    Hostile("equivalence of resources", "entry ~ entry.sort(resource.id.length(), -resource.id)", "steps"),
    Hostile("membership in many", f"{MANY}.where($this in {MANY})", "steps"),
    Hostile("distinct again and again", "entry.where(%resource.entry.distinct().exists())", "steps"),
    Hostile("union again and again", "entry.where((%resource.entry | %resource.entry).exists())", "steps"),
    Hostile(
        "intersection again and again", "entry.where(%resource.entry.intersect(%resource.entry).exists())", "steps"
    ),
    Hostile("exclusion again and again", "entry.where(%resource.entry.exclude(%resource.entry).empty())", "steps"),
    Hostile("subsets again and again", "entry.where(%resource.entry.subsetOf(%resource.entry))", "steps"),
    Hostile("long texts compared", f"{MANY}.where({LONG} ~ {LONG}.upper())", "steps"),
    Hostile(
        "long texts searched", f"1.defineVariable('t', {LARGE}).select({MANY}.where(%t.indexOf('b') > 0))", "steps"
    ),
    Hostile("long texts made", f"{MANY}.where(({LONG} & {LONG}).length() > 1)", "steps"),
    Hostile("long texts read", f"1.defineVariable('t', {LARGE}).select({MANY}.where(%t.toDecimal().empty()))", "steps"),
    Hostile("long texts cut", f"{MANY}.where({LONG}.toChars().count() > 1)", "steps"),
    Hostile("long texts decoded", f"{MANY}.where({LONG}.encode('base64').decode('base64').exists())", "steps"),
    Hostile("long narratives", f"{MANY}.where(('<div>' & {LONG} & '</div>').htmlChecks())", "steps"),
    Hostile("patterns made", f"{MANY}.where('a'.matches('[a-z]+{'[é-ü]' * 9}' & $this.toString()))", "steps"),
    Hostile("logarithms", f"{MANY}.where({'.'.join(['$this', *['sqrt().ln().exp()'] * 9])} > 0)", "steps"),
    Hostile("quantities", f"""{MANY}.where({" + ".join(["1 'mg'"] * 100)} > 1 'g')""", "steps"),
]
EXPRESSIONS = (*_NESTED, *_LONG, *_GROWING, *_IN_LOOPS)

PATTERNS = (
    Search("repeated repetitions", "(a+)+$", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'", "regex"),
    Search("repeated repetitions, nested", "((a*)*)*b", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "regex"),
    Search("repeated alternatives", "(a|a)*b", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "regex"),
    Search("repeated overlapping alternatives", "(a|aa)+c", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "regex"),
    Search("repeated options", "(a?){50}b", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", "regex"),
    Search("options in a row", "a?" * 30 + "a" * 30 + "b", f"'{'a' * 60}'", "steps"),
    Search("alternatives in a row", "(?:a|a)" * 40 + "b", f"'{'a' * 60}'", "steps"),
    Search("repetitions in a row", ".*.*.*.*b", LONG, "steps"),
    Search("a repetition over a long text", ".*b", LARGE, "steps"),
    Search("counted repetitions in a row", "a{0,30}" * 9 + "b", f"'{'a' * 300}'", "steps"),
    Search("a look ahead", "(?=a*a*a*b)c", LONG, "steps", "fault"),
    Search("a reference back", r"(a*)\1b", LONG, "regex", "regex"),
    Search("a long pattern", "a" * 1_001, "'a'", "regex", "regex"),
    Search("counted repetitions nested", "((a{1000}){1000}){1000}", "'a'", "regex", "regex"),
    Search("many sets", "[é-ü]" * 20, "'a'", "regex"),
    Search("many states", "(?:a|b)*a(?:a|b){100}", LARGE, "regex"),
)

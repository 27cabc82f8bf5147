"""Well-formed expressions, made from a grammar: every function and operator, over the elements that FHIR R4 defines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from cds_service.fhir.definitions import element, elements_of, is_a, is_primitive
from cds_service.fhirpath.functions import CHAPTERS
from tests.differential.generated import paths

__all__ = ["EDGES", "VARIABLES", "Grammar"]

VARIABLES = ("all", "o", "c", "asOf", "word", "number", "amount", "values", "codings", "resource", "context", "ucum")

# What stands for itself, at the edges of what there is.
EDGES: Mapping[str, Sequence[str]] = {
    "truth": ("true", "false", "{}"),
    "number": (
        *("0", "1", "2", "7", "2147483647", "2147483648", "9223372036854775808", "9999999999999999999999999999"),
        *("0.1", "1.0", "2.50", "00012.500", "0.000000000000000000000000001", "99999999999999.99999999999999", "0.0"),
    ),
    "count": ("0", "1", "2", "3", "-1", "2147483648", "{}", "1.0", "$index"),
    "moment": (
        *("@2015", "@2015-02", "@2016-02-29", "@2015-02-29", "@0001-01-01", "@9999-12-31", "@2015T", "@2015-02T"),
        *("@2015-02-04T14", "@2015-02-04T14:34:28.123456789Z", "@2025-11-20T00:00:00-14:00", "@0001-01-01T00:00+14:00"),
        *("@T14:30", "@T00", "@T23:59:59.999", "@T24:00", "today()", "now()", "timeOfDay()", "%asOf"),
    ),
    "amount": (
        *("1 year", "4 days", "0 months", "90 minutes", "1.5 weeks", "1000000000000 milliseconds", "2 seconds"),
        *("5 'mg'", "1 'mg/dL'", "98.6 '[degF]'", "37 'Cel'", "1 ''", "1 'zzz'", "3 '10*-3'", "1 '%'", "0 'mg'"),
        *(
            "1 'mg/('",
            "1 'a'",
            "1 'mo'",
            "2 'm2.s-1'",
            "1 '{score}'",
            "1 '1'",
            "7 '10^999999'",
            "1 'Ym100'",
            "1 '[pH]'",
        ),
    ),
    "text": (
        *(
            "''",
            "'a'",
            "'A-b_c d'",
            "'\\u00e9'",
            "'\\ud83d\\ude00'",
            "'\\''",
            "'\\\\'",
            "'\\r\\n\\t\\f'",
            "'ſİß'",
            "'\x00'",
        ),
        *("'2020-02-30'", "'2020-01-01T00:00:00Z'", "'5 \\'mg\\''", "'1 day'", "'true'", "'-007.50'", "'9e9'", "'NaN'"),
        *(
            "'YWJj'",
            "'_-8'",
            "'6162'",
            "'<div>a</div>'",
            "'&lt;&#x110000;'",
            "'\\\\ud800'",
            "'\u202eabc\u200b'",
            "'a b'",
        ),
        f"'{'ab' * 400}'",
    ),
    "pattern": (
        *(
            "''",
            "'.*'",
            "'a+'",
            "'[a-z'",
            "'(a+)+$'",
            "'(?=a)b'",
            "'\\\\d{2}-\\\\d'",
            "'(a)\\\\1'",
            "'(?i)A'",
            "'\\\\p{L}'",
        ),
        *(
            "'[[:alpha:]]'",
            "'a{0,999}'",
            "'(?<n>a)'",
            "'^$'",
            "'|'",
            "'\\\\'",
            "'é|[^\\\\w]'",
            "'(?s).'",
            "'\\\\bfinal\\\\b'",
        ),
    ),
    "by": ("''", "'$1'", "'$0$0'", "'\\\\1'", "'${n}'", "'\\\\\\\\'", "'x'", "'$'"),
    "format": ("'hex'", "'base64'", "'urlbase64'", "'html'", "'json'", "'rot13'", "{}"),
    "unit": ("'mg'", "'days'", "'d'", "'a'", "'year'", "'zzz'", "''", "'Cel'", "{}", "1"),
    "url": (
        *("'u'", "'http://example.org'", "{}", "'http://hl7.org/fhir/StructureDefinition/Patient'"),
        "'https://example.org/fhir/ValueSet/levels'",
    ),
    "type": (
        *("Patient", "Observation", "Quantity", "string", "code", "dateTime", "boolean", "Resource", "Element", "Any"),
        *("System.String", "System.Integer", "System.Quantity", "System.Date", "FHIR.Condition", "FHIR.`string`"),
        *("Integer", "Boolean", "Decimal", "Coding", "BackboneElement", "System.Patient", "Time"),
    ),
    "variable": tuple(f"%{name}" for name in VARIABLES),
    "name": ("'x'", "'y'", "'x'", "'y'", "'é z'", "'all'", "''", "'$this'"),
    "sign": ("+", "-", "*", "/", "div", "mod", "&"),
    "order": ("<", "<=", ">", ">="),
    "element": ("code", "value", "id", "extension", "status", "coding", "name", "url", "contained", "type", "resource"),
    "resources": (
        "%all",
        "%o",
        "%c",
        "%all.ofType(Procedure)",
        "%o.where(status = 'final')",
        "%resource.entry.resource",
    ),
}

# What is made of others, `<kind>` by `<kind>`.
_RULES: Mapping[str, Sequence[str]] = {
    "any": (
        *("<truth>", "<text>", "<number>", "<moment>", "<amount>", "<scoped>", "<scoped>", "<path>", "<path>"),
        *("(<any>)", "<any> | <any>", "<any>[<count>]", "<any> as <type>", "<variable>", "<variable>.<element>"),
        *("<any>.<element>", "$this", "<resources>.<element>", "<any>.defineVariable('x', <any>).select(%x | <any>)"),
        "<any>.select(<any>.aggregate($total + <number>, <number>))",
    ),
    "truth": (
        *(
            "<any> = <any>",
            "<any> != <any>",
            "<any> ~ <any>",
            "<any> !~ <any>",
            "<any> in <any>",
            "<any> contains <any>",
        ),
        *("<truth> and <truth>", "<truth> or <truth>", "<truth> xor <truth>", "<truth> implies <truth>"),
        *("<number> <order> <number>", "<moment> <order> <moment>", "<amount> <order> <amount>", "<any> <order> <any>"),
        *("<text> <order> <text>", "<any> is <type>", "<path> = <any>", "<path>", "<scoped>.exists()", "(<truth>)"),
    ),
    "text": ("<text> & <any>", "<text> + <text>", "<any>.toString()", "<path>", "<any>.type().name", "$this"),
    "number": (
        *("<number> + <number>", "<number> - <number>", "<number> * <number>", "<number> / <number>", "-<number>"),
        *("<number> div <number>", "<number> mod <number>", "<any> <sign> <any>", "+<number>", "<path>", "(<number>)"),
        *("<amount> / <amount>", "$total", "$index"),
    ),
    "moment": ("<moment> + <amount>", "<moment> - <amount>", "<path>"),
    "amount": (
        *("<amount> + <amount>", "<amount> - <amount>", "<amount> * <number>", "<number> * <amount>", "-<amount>"),
        *("<amount> / <number>", "<amount> * <amount>", "<path>", "%amount"),
    ),
}
_TAKES = {"Strings": "text", "Math": "number", "Resources in time": "resources"}
_GIVES = {
    "number": "abs ceiling floor truncate round sqrt exp ln log power count length indexOf toInteger toDecimal",
    "text": "upper lower substring replace replaceMatches trim encode decode escape unescape join toChars split",
    "moment": "lowBoundary highBoundary toDate toDateTime toTime clinicalDate",
    "amount": "toQuantity",
    "truth": "exists empty not all allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct matches memberOf",
}
_ARGUMENTS = {
    "criteria": "truth",
    "criterion": "truth",
    "count": "count",
    "digits": "count",
    "places": "count",
    "start": "count",
    "length": "count",
    "aggregator": "number",
    "init": "number",
    "base": "number",
    "exponent": "number",
    "part": "text",
    "by": "by",
    "separator": "text",
    "target": "format",
    "profile": "url",
    "valueSet": "url",
    "gap": "amount",
}
_TYPES = {
    "truth": ("boolean",),
    "number": ("decimal", "integer"),
    "moment": ("date", "dateTime", "instant", "time"),
    "amount": ("Quantity",),
    "text": ("string", "uri", "base64Binary"),
}
_ALONE = ("today", "now", "timeOfDay")
_SCOPED = ("where({})", "exists({})", "all({})", "select({})", "repeat({})", "trace('t', {})", "sort({})", "sort(-{})")
_MADE_OF = re.compile(r"<(\w+)>")


def _calls(name: str, signature: str) -> Iterator[str]:
    """Yield how a function is called: with all its arguments, without those that may be left out."""
    every = [one.strip() for one in signature.partition("(")[2].rstrip(")").split(",") if one.strip()]
    needed = [one for one in every if not one.endswith(("?", "…"))]
    for arguments in (needed, [one.rstrip("?").replace("…", needed[0] if needed else "key") for one in every]):
        kinds = [_ARGUMENTS.get(one, one if one in EDGES else "any") for one in arguments]
        yield f"{name}({', '.join(f'<{kind}>' for kind in kinds)})"


@cache
def _rules() -> Mapping[str, Sequence[str]]:
    """Return the rules with those of all functions."""
    rules = {kind: list(made) for kind, made in _RULES.items()}
    given = {name: kind for kind, names in _GIVES.items() for name in names.split()}
    for chapter in CHAPTERS:
        for name, function in chapter.functions.items():
            base = "" if name in _ALONE else f"<{_TAKES.get(chapter.title, 'any')}>."
            rules[given.get(name, "any")] += [base + call for call in set(_calls(name, function.signature))]
    return {kind: tuple(sorted(made)) for kind, made in rules.items()}


class Grammar:
    """Makes expressions that start from a resource of the type `kind`."""

    def __init__(self, chance: Random, kind: str, resource: Mapping[str, Any], *, prefix: str = "") -> None:
        """Ask of what `resource` holds, more often than of what it does not; `prefix` leads to it."""
        self.chance, self.kind, self.prefix = chance, kind, prefix
        self.held = [(path, inner, values) for path, inner, values in paths(dict(resource), kind) if len(path) < 200]

    def expression(self, depth: int = 3) -> str:
        """Return an expression that is made of others `depth` times over."""
        return self._made("any", depth)

    def _made(self, kind: str, depth: int) -> str:
        if kind == "scoped":
            return self._scoped(depth - 1)
        edges, rules = EDGES.get(kind, ()), _rules().get(kind)
        if rules is None or depth <= 0:
            likely = 0.6 if rules else 0.95
            return self.chance.choice(edges) if edges and self.chance.random() < likely else self._path(kind)
        rule = self.chance.choice(rules)
        if rule == "<path>":
            return self._path(kind)
        return _MADE_OF.sub(lambda found: self._made(found[1], depth - 1), rule)

    def _path(self, kind: str) -> str:
        """Return the way to elements, most often to some that the resource holds and that are of a kind."""
        if not self.held:
            return "$this"
        seen, wanted = self.chance.random(), _TYPES.get(kind, ())
        fitting = [path for path, inner, _ in self.held if any(is_a(inner, one) for one in wanted)]
        if fitting and seen < 0.6:
            return self.prefix + self.chance.choice(fitting)
        if seen < 0.85:
            return self.prefix + self.chance.choice(self.held)[0]
        return self.prefix + ".".join(self._walk(self.kind))

    def _walk(self, kind: str) -> Iterator[str]:
        """Yield the names of elements, each defined inside the one before."""
        for _ in range(self.chance.randint(1, 4)):
            names = elements_of(kind)
            if not names:
                return
            name = self.chance.choice(names)
            known = element(kind, name)
            yield name
            kind = self.chance.choice(known.types) if known else ""
            if known and known.choice and self.chance.random() < 0.5:
                yield f"ofType({kind})"

    def _scoped(self, depth: int) -> str:
        """Return a path with a function whose argument starts from each of its elements."""
        if not self.held:
            return "$this"
        path, kind, values = self.chance.choice(self.held)
        inner = Grammar(self.chance, kind, _one_of(self.chance, kind, values))
        wanted = self.chance.choice(("truth", "truth", "any", "number"))
        call = self.chance.choice(_SCOPED).format(inner._made(wanted, depth))
        return f"{self.prefix}{path}.{call}"


def _one_of(chance: Random, kind: str, values: Sequence[Any]) -> Mapping[str, Any]:
    one = chance.choice(values) if values else {}
    return one if isinstance(one, dict) and not is_primitive(kind) else {}

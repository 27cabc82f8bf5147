"""Text: asked, cut, joined and searched."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError, ExpressionTooLarge, LimitExceeded
from cds_service.expressions.language import MAX_TEXT, Environment, Types
from cds_service.fhir.definitions import is_a
from cds_service.fhirpath.code import Code, computed, from_truth
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import raw, single
from cds_service.fhirpath.operators import made_text, operands
from cds_service.fhirpath.regex import Pattern, Spend, compile_pattern
from cds_service.fhirpath.values import BLANKS, text_of

CHAPTER = Chapter("Strings", "FHIRPath 2.0, 5.6")

_STRING: Types = ("System.String",)
_INTEGER: Types = ("System.Integer",)
_BOOLEAN: Types = ("System.Boolean",)


def _is_text(kind: str) -> bool:
    return kind == "System.String" or any(is_a(kind, one) for one in ("string", "uri", "base64Binary", "xhtml"))


_Argument: TypeAlias = Callable[[Any, Environment], Any]
_CHARACTERS_IN_A_STEP = 50
_STEPS_TO_COMPILE = 20  # for a character of a pattern


def _declare(
    signature: str,
    doc: str,
    types: Types,
    change: Callable[..., Any],
    *,
    needed: int | None = None,
    searches: bool = False,
) -> None:
    """Declare a function of a text and its arguments; nothing where the text or a needed argument is nothing.

    One that `searches` is given a compiled pattern as the first argument, and last what counts its steps.
    """

    def build(call: Invocation) -> Code:
        call.expect("text", _is_text)
        before = call.base.items
        arguments = [
            _pattern(call, i) if searches and i == 0 else _value(call.argument(i), call.name) for i in range(call.count)
        ]

        def answer(this: Any, env: Environment) -> Any:
            text = raw(single(before(this, env), call.name))
            if text is not None and type(text) is not str:
                raise EvaluationError(f"{call.name} takes text")
            given = [one(this, env) for one in arguments]
            if text is None or None in given[:needed]:
                return None
            env.spend(len(text) // _CHARACTERS_IN_A_STEP)
            return change(text, *given, env.spend) if searches else change(text, *given)

        if types == _BOOLEAN:
            return from_truth(answer)

        def items(this: Any, env: Environment) -> Sequence[Any]:
            made = answer(this, env)
            if type(made) is list:
                env.collected(made)
                return made
            return () if made is None else (made_text(made, env) if type(made) is str else made,)

        return computed(types, items)

    CHAPTER.add(signature, doc, build)


def _value(code: Code, name: str) -> _Argument:
    items = code.items
    return lambda this, env: raw(single(items(this, env), name))


def _pattern(call: Invocation, position: int) -> _Argument:
    """Return what gives a compiled pattern; a literal is compiled, and refused, when the expression is."""
    code = call.argument(position)
    if code.constant and len(code.constant) == 1 and type(code.constant[0]) is str:
        known = _compiled(call, position, code.constant[0])
        return lambda _this, _env: known
    value = _value(code, call.name)

    def compiled(this: Any, env: Environment) -> Any:
        source = value(this, env)
        if source is None:
            return None
        if type(source) is not str:
            raise EvaluationError(f"{call.name} takes a pattern")
        env.spend(len(source) * _STEPS_TO_COMPILE)
        return compile_pattern(source)

    return compiled


def _compiled(call: Invocation, position: int, source: str) -> Pattern:
    try:
        return compile_pattern(source)
    except LimitExceeded as fault:
        at = call.node.arguments[position].at
        raise ExpressionTooLarge(fault.reason, source=call.compiler.source, position=at, limit=fault.limit) from None
    except EvaluationError as fault:
        raise call.fault(fault.reason, position) from None


def _texts(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return `change` for arguments that all must be text."""

    def checked(text: str, *given: Any) -> Any:
        if not all(type(one) is str for one in given):
            raise EvaluationError("an argument that should be text is none")
        return change(text, *given)

    return checked


def _numbers(change: Callable[..., Any]) -> Callable[..., Any]:
    def checked(text: str, *given: Any) -> Any:
        if not all(one is None or type(one) is int for one in given):
            raise EvaluationError("an argument that should be a whole number is none")
        return change(text, *given)

    return checked


def _substring(text: str, start: int, length: int | None = None) -> str | None:
    if not 0 <= start < len(text):
        return None
    return text[start:] if length is None else text[start : start + max(0, length)]


def _replace(text: str, pattern: str, substitution: str) -> str:
    found = text.count(pattern)
    if len(text) + found * (len(substitution) - len(pattern)) > MAX_TEXT:
        raise LimitExceeded(f"a text has more than {MAX_TEXT} characters", limit="text")
    return text.replace(pattern, substitution)


def _replace_matches(text: str, pattern: Pattern, substitution: Any, spend: Spend) -> str:
    if type(substitution) is not str:
        raise EvaluationError("an argument that should be text is none")
    return pattern.replace(text, substitution, spend)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


_URL_SAFE = str.maketrans("-_+/", "+/  ")


def _decode(text: str, form: str) -> str | None:
    try:
        match form:
            case "hex":
                return bytes.fromhex(text).decode()
            case "base64":
                return base64.b64decode(text, validate=True).decode()
            case "urlbase64":
                return base64.b64decode(text.translate(_URL_SAFE), validate=True).decode()
    except UnicodeDecodeError:
        return None
    except (ValueError, binascii.Error):
        raise EvaluationError("a text is not encoded as it is said to be") from None
    raise EvaluationError("texts are encoded as `hex`, `base64` or `urlbase64`")


def _encode(text: str, form: str) -> str | None:
    match form:
        case "hex":
            return _utf8(text).hex()
        case "base64":
            return base64.b64encode(_utf8(text)).decode()
        case "urlbase64":
            return base64.urlsafe_b64encode(_utf8(text)).decode()
    raise EvaluationError("texts are encoded as `hex`, `base64` or `urlbase64`")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise EvaluationError("a text holds half a character") from None


def _escape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.escape(text, quote=True).replace("&#x27;", "&#39;")
        case "json":
            return json.dumps(text, ensure_ascii=False)[1:-1]
    raise EvaluationError("texts are escaped for `html` or `json`")


_JSON_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|["\\/bfnrt])')


def _unescape(text: str, target: str) -> str | None:
    match target:
        case "html":
            return html.unescape(text)
        case "json":
            whole = _JSON_ESCAPE.sub(lambda found: str(json.loads(f'"{found[0]}"')), text)
            return _utf8(whole).decode()  # refuses half a character, which could not be sent
    raise EvaluationError("texts are escaped for `html` or `json`")


_declare("indexOf(part)", "Where a part starts, counted from 0; -1 if nowhere.", _INTEGER, _texts(str.find))
_declare("lastIndexOf(part)", "Where a part last starts; -1 if nowhere.", _INTEGER, _texts(str.rfind))
_declare(
    "substring(start, length?)",
    "A part of the text; nothing if it starts outside.",
    _STRING,
    _numbers(_substring),
    needed=1,
)
_declare("startsWith(part)", "Whether the text starts with a part.", _BOOLEAN, _texts(str.startswith))
_declare("endsWith(part)", "Whether the text ends with a part.", _BOOLEAN, _texts(str.endswith))
_declare("contains(part)", "Whether the text holds a part.", _BOOLEAN, _texts(lambda text, part: part in text))
_declare("upper()", "The text in capital letters.", _STRING, str.upper)
_declare("lower()", "The text in small letters.", _STRING, str.lower)
_declare("replace(part, by)", "The text with every such part replaced.", _STRING, _texts(_replace))
_declare(
    "matches(pattern)",
    "Whether a regular expression matches any part of the text.",
    _BOOLEAN,
    lambda text, pattern, spend: pattern.search(text, spend),
    searches=True,
)
_declare(
    "matchesFull(pattern)",
    "Whether a regular expression matches the whole text.",
    _BOOLEAN,
    lambda text, pattern, spend: pattern.fullmatch(text, spend),
    searches=True,
)
_declare("replaceMatches(pattern, by)", "The text with every match replaced.", _STRING, _replace_matches, searches=True)
_declare("length()", "How many characters the text has.", _INTEGER, len)
_declare("toChars()", "The characters of the text.", _STRING, lambda text: list(text))
_declare("trim()", "The text without blanks around it.", _STRING, lambda text: text.strip(BLANKS))
_declare("split(separator)", "The parts of the text between separators.", _STRING, _texts(_split))
_declare("encode(format)", "The text in `hex`, `base64` or `urlbase64`.", _STRING, _texts(_encode))
_declare("decode(format)", "The text that `hex`, `base64` or `urlbase64` stands for.", _STRING, _texts(_decode))
_declare("escape(target)", "The text as `html` or `json` writes it.", _STRING, _texts(_escape))
_declare("unescape(target)", "The text that `html` or `json` wrote.", _STRING, _texts(_unescape))


@CHAPTER.function("join(separator?)")
def join(call: Invocation) -> Code:
    """All items in one text, with a separator between them; nothing of none."""
    separator = call.argument(0).items if call.count else None
    values = operands(call.base)

    def items(this: Any, env: Environment) -> Sequence[str]:
        found = [text_of(raw(one)) for one in values(this, env)]
        between = raw(single(separator(this, env), call.name)) if separator else ""
        if None in found or type(between or "") is not str:
            raise EvaluationError(f"{call.name} takes text")
        if not found:
            return ()
        env.spend(len(found))
        length = sum(len(one or "") for one in found) + len(found) * len(str(between or ""))
        if length > 2 * MAX_TEXT:
            raise LimitExceeded(f"a text has more than {MAX_TEXT} characters", limit="text")
        return (made_text(str(between or "").join(str(one) for one in found), env),)

    return computed(_STRING, items)

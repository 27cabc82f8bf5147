"""What FHIR adds to the language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from xml.parsers import expat

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Missing
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import is_a, is_primitive, type_names
from cds_service.fhir.values import codes_of
from cds_service.fhirpath.code import Code, computed, from_truth, subset
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import Shape, Traced, Typed, child, raw, root, single, type_of
from cds_service.fhirpath.values import value_of

CHAPTER = Chapter("FHIR", "FHIR R4, 2.9.1.5.6")

_CHARACTERS_IN_A_STEP = 50
_UNREADABLE = "a code is not written as FHIR writes it"


@CHAPTER.function("extension(url)")
def extension(call: Invocation) -> Code:
    """The extensions of that address on each item, on a primitive element, too."""
    call.look_beside()
    base, named = call.base, call.argument(0).items

    def found(item: Any, url: Any) -> Iterator[tuple[int, Any]]:
        value = raw(item)
        holder = value if type(value) is dict else item.element if type(item) is Typed else None
        inside = holder.get("extension") if type(holder) is dict and url is not None else None
        for i, one in enumerate(_list_of(inside)):
            if type(one) is dict and one.get("url") == url:
                yield i, one

    def items(this: Any, env: Environment) -> Sequence[Any]:
        url = raw(single(named(this, env), call.name))
        return [one for item in base.items(this, env) for _, one in found(item, url)]

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        url = raw(single(named(this[0], env), call.name))
        return [
            (one, child(at, one, "extension", i)) for item, at in base.located(this, env) for i, one in found(item, url)
        ]

    return Code(Shape(("Extension",)), items, located, refusals=base.refusals)


def _list_of(value: Any) -> Sequence[Any]:
    if value is not None and type(value) is not list:
        raise Missing("extensions are not written as FHIR writes them", code="unreadable")
    return value or ()


@CHAPTER.function("hasValue()")
def has_value(call: Invocation) -> Code:
    """Whether there is one primitive item, and it has a value rather than extensions only."""
    call.look_beside()
    items, types = call.base.items, call.base.shape.types

    def truth(this: Any, env: Environment) -> Truth:
        found = items(this, env)
        return len(found) == 1 and raw(found[0]) is not None and _is_scalar(type_of(found[0], types))

    return from_truth(truth)


def _is_scalar(kind: str) -> bool:
    return is_primitive(kind) or kind.startswith("System.")


@CHAPTER.function("getValue()")
def get_value(call: Invocation) -> Code:
    """The value of the only item, if it is primitive and has one."""
    call.look_beside()
    before, types = call.base.items, call.base.shape.types

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = before(this, env)
        if len(found) != 1 or raw(found[0]) is None or not _is_scalar(type_of(found[0], types)):
            return ()
        return (value_of(found[0]),)

    return computed(("System.Any",), items)


@CHAPTER.function("resolve()")
def resolve(call: Invocation) -> Code:
    """What references point to inside the record; Missing where it is not there, which says nothing of it."""
    base = call.base

    def target(item: Any, env: Environment) -> Any:
        found = env.record.resolve(raw(item))
        if found is None:
            raise Missing("a reference points to what is not in the record", code="unreadable")
        return found

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return [target(one, env) for one in base.items(this, env)]

    def place(found: Any, env: Environment) -> Traced:
        held = env.record.container(found)
        return root(found) if held is None else (found, child(root(held[0])[1], found, "contained", held[1]))

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        return [place(one, env) for one in items(this[0], env)]

    return Code(Shape(("Resource",)), items, located)


@CHAPTER.function("memberOf(valueSet)")
def member_of(call: Invocation) -> Code:
    """Whether a CodeableConcept, Coding or code is in a value set that is loaded, named by its canonical."""
    named = call.literal()
    if type(named) is not str:
        raise call.fault("`memberOf()` takes the value set's canonical as a literal, known at load", 0)
    value_set = call.compiler.scope.value_sets.get(named)
    if value_set is None and call.compiler.scope.strict:
        raise call.fault(f"no value set `{named}` is loaded", 0)
    call.compiler.value_sets.add(named)
    call.compiler.need(call.base, value_set=named)
    items, types = call.base.items, call.base.shape.types

    def truth(this: Any, env: Environment) -> Truth:
        item = single(items(this, env), call.name)
        if item is None:
            return None
        if value_set is None:
            raise Missing("a value set is not loaded", code="unreadable")
        value = raw(item)
        if type(value) is str and type_of(item, types) in ("CodeableConcept", "Coding"):
            raise Missing(_UNREADABLE, code="unreadable")
        answer = value_set.answer(value)
        if answer is None:
            raise Missing(_UNREADABLE, code="unreadable")
        return answer

    key = call.base.key
    if key is None or value_set is None:
        return from_truth(truth)
    holds = value_set.answer

    def quick(this: Any, env: Environment) -> Truth:
        """The same, fast for what criteria ask most: `code.memberOf(…)` of a resource."""
        value = this.get(key) if type(this) is dict else None
        answer = holds(value) if type(value) is dict else None
        return truth(this, env) if answer is None else answer

    codes, code = value_set.indexed, from_truth(quick)
    return code if codes is None else replace(code, never=lambda env: env.record.not_coded(key, codes))


def _subsumption(signature: str, doc: str, *, general_first: bool) -> None:
    def build(call: Invocation) -> Code:
        mine, theirs = call.base.items, call.argument(0).items
        systems = call.compiler.scope.code_systems

        def subsumes(general: tuple[str | None, str], special: tuple[str | None, str]) -> bool | None:
            if general == special:
                return True
            if general[0] is None or general[0] != special[0]:
                return False if general[0] and special[0] else None
            system = systems.get(general[0])
            return system.subsumes(general[1], special[1]) if system else None

        def truth(this: Any, env: Environment) -> Truth:
            one, other = raw(single(mine(this, env), call.name)), raw(single(theirs(this, env), call.name))
            if one is None or other is None:
                return None
            these, those = list(codes_of(one)), list(codes_of(other))
            env.spend(len(these) * len(those))
            pairs = [(a, b) if general_first else (b, a) for a in these for b in those]
            answers = [subsumes(*pair) for pair in pairs]
            if True in answers:
                return True
            if None in answers or not answers:
                raise Missing("how these codes relate is not known here", code="ambiguous")
            return False

        return from_truth(truth)

    CHAPTER.add(signature, doc, build)


_subsumption(
    "subsumes(code)",
    "Whether a code is the other or stands above it, where the code system is loaded; else Missing.",
    general_first=True,
)
_subsumption(
    "subsumedBy(code)",
    "Whether a code is the other or stands below it, where the code system is loaded; else Missing.",
    general_first=False,
)

_DEFINITIONS = "http://hl7.org/fhir/StructureDefinition/"


@CHAPTER.function("conformsTo(profile)")
def conforms_to(call: Invocation) -> Code:
    """Whether the only item is of the type that FHIR defines at this address; a fault for another profile."""
    items, types, named = call.base.items, call.base.shape.types, call.argument(0).items

    def truth(this: Any, env: Environment) -> Truth:
        item, profile = single(items(this, env), call.name), raw(single(named(this, env), call.name))
        if item is None or profile is None:
            return None
        name = str(profile).removeprefix(_DEFINITIONS)
        if name == profile or name not in type_names():
            raise Missing("a profile is not known", code="unreadable")
        return is_a(type_of(item, types), name)

    return from_truth(truth)


@CHAPTER.function("checkModifiers(url, …)")
def check_modifiers(call: Invocation) -> Code:
    """The items as they are; a fault if one has a modifier extension that is not named."""
    names = [call.argument(i).items for i in range(call.count)]

    def apply(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
        known = [raw(single(one(this, env), call.name)) for one in names]
        for item in found:
            value = raw(item)
            inside = value.get("modifierExtension") if type(value) is dict else None
            for one in _list_of(inside):
                if type(one) is not dict or one.get("url") not in known:
                    raise EvaluationError("an element has a modifier extension that the expression does not know")
        return range(len(found))

    return subset(call.base, apply)


@CHAPTER.function("htmlChecks()")
def html_checks(call: Invocation) -> Code:
    """Whether the only item is XHTML that a narrative may hold: no scripts, no forms, no addresses to load."""
    items = call.base.items

    def truth(this: Any, env: Environment) -> Truth:
        text = raw(single(items(this, env), call.name))
        if type(text) is not str:
            return None if text is None else False
        env.spend(len(text) // _CHARACTERS_IN_A_STEP)
        return _Narrative.allows(text)

    return from_truth(truth)


class _Narrative:
    """Looks through a narrative for what FHIR R4 2.4.1 does not allow there.

    It is XHTML, so XML: expat reads it in a time linear in its length, for which `html.parser` takes the square.
    """

    _ELEMENTS = frozenset(
        """
        a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i
        img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt u ul var
        """.split()  # noqa: SIM905 - a table
    )

    @classmethod
    def allows(cls, text: str) -> bool:
        """Return whether a narrative is one `div` that holds only what it may."""
        started: list[str] = []

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag not in cls._ELEMENTS or not all(cls._is_harmless(*one) for one in attributes.items()):
                raise ValueError(tag)
            if not started:
                started.append(tag)

        def document_type(*_named: object) -> None:
            raise ValueError("a document type, which may define entities")

        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.StartDoctypeDeclHandler = start, document_type
        try:
            parser.Parse(text.strip(), True)
        except (expat.ExpatError, ValueError):
            return False
        return started == ["div"]

    @staticmethod
    def _is_harmless(name: str, value: str) -> bool:
        loads_a_script = name in ("src", "href") and value.strip().lower().startswith("javascript:")
        return not name.startswith("on") and not loads_a_script

"""Child actions of a policy → its criteria, and the changes to the orders that it suggests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from cds_service.errors import ContentError, UnsupportedFeature
from cds_service.expressions.language import Expression, Scope, Types
from cds_service.fhir.definitions import is_a
from cds_service.fhir.element import Resource
from cds_service.fhir.values import codes_of
from cds_service.plan_definition.citations import read_citation
from cds_service.plan_definition.compilation import Compilation
from cds_service.plan_definition.elements import (
    Json,
    all_actions,
    extensions_of,
    maybe_text_of,
    objects_of,
    part_of,
    text_of,
    value_of,
)
from cds_service.plan_definition.model import Criterion, DeterminationOf, Join, StateText, Suggestion
from cds_service.plan_definition.profile import Extension, Reason, Role

__all__ = ["ORDER_TYPES", "TOLD", "CriteriaCompiler", "child_place"]

ORDER_TYPES: Types = (
    "ServiceRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "VisionPrescription",
    "CommunicationRequest",
    "Appointment",
)
TOLD = (Role.CONDITION, Role.CAUTION, Role.SUPPORTING)
"""Roles that are told and never decide; without expressions such a criterion always holds."""
_STATES = ("true", "false", "unknown")


def child_place(place: str, position: int, action: Json) -> str:
    """Return the path of a child action, with its id if it has one."""
    name = action.get("id")
    return f"{place}.action[{position}]" + (f" ({name})" if name else "")


@dataclass
class CriteriaCompiler:
    """Compiles the actions below the policy's own, each at fault by itself."""

    whole: Compilation
    suggestions: list[Suggestion] = field(default_factory=list)

    def children(self, action: Json, scope: Scope, place: str, *, parent: str | None) -> Iterator[Criterion]:
        """Yield the criteria right below an action; suggestions among them are kept apart."""
        for i, child in enumerate(objects_of(action, "action")):
            at = child_place(place, i, child)
            if self.whole.attempt(at, [], extensions_of, child, Extension.SUGGEST_WHEN):
                suggestion = self.whole.attempt(at, None, self._suggestion, child, at)
                if suggestion is not None:
                    self.suggestions.append(suggestion)
                continue
            criterion = self.whole.attempt(at, None, self._criterion, child, scope, at, parent)
            if criterion is not None:
                yield criterion

    def _criterion(self, action: Json, scope: Scope, place: str, parent: str | None) -> Criterion:
        attempt, before = self.whole.attempt, len(self.whole.faults)
        name = attempt(place, "", self._id, action, place)
        scope = self.whole.with_variables(action, scope, place)
        parts = tuple(self.children(action, scope, place, parent=name))
        words = attempt(place, "", maybe_text_of, action, "textEquivalent")
        description = attempt(place, "", maybe_text_of, action, "description")
        criterion = Criterion(
            id=name,
            role=attempt(place, Role.REQUIRED, _role, action, place),
            title=attempt(place, "", text_of, action, "title", place),
            parent=parent,
            text=words or description,
            rationale=description if words else "",
            join=attempt(place, None, self._join, action, scope, place, parts),
            parts=parts,
            support=attempt(place, None, self._support, action, scope, place),
            refute=attempt(place, None, self._refute, action, scope, place),
            unknown_because=tuple(self._unknown_because(action, scope, place)),
            determination_of=attempt(place, None, self._determination_of, action, scope, place),
            prompt=attempt(place, None, _prompt, action),
            state_texts=MappingProxyType(dict(self._state_texts(action, scope, place))),
            citations=tuple(read_citation(one) for one in objects_of(action, "documentation")),
            human_review=bool(value_of(action, Extension.HUMAN_REVIEW, "valueBoolean")),
        )
        if len(self.whole.faults) == before:
            _check_shape(criterion, place)
        return criterion

    def _id(self, action: Json, place: str) -> str:
        name = action.get("id")
        if type(name) is not str:
            raise ContentError("a criterion needs an `id`", element=place, rule="element-missing")
        if name in self.whole.ids:
            raise ContentError(f"the id `{name}` is used twice", element=place, rule="name-twice")
        self.whole.ids.add(name)
        return name

    def _join(self, action: Json, scope: Scope, place: str, parts: Sequence[Criterion]) -> Join | None:
        if not objects_of(action, "action"):
            return None
        at_least = next(iter(extensions_of(action, Extension.AT_LEAST)), None)
        if at_least is not None:
            count = at_least.get("valueInteger")
            if type(count) is not int:
                written = at_least.get("valueExpression")
                return Join("at-least", self.whole.expression(written, scope, f"{place}.extension"))
            if not 1 <= count <= len(objects_of(action, "action")):
                reason = f"`at-least` {count} of {len(parts)} parts decides nothing"
                raise ContentError(reason, element=place, rule="group-malformed")
            return Join("at-least", count)
        match action.get("groupingBehavior"), action.get("selectionBehavior"):
            case "logical-group", "all":
                return Join("all")
            case "logical-group", "one-or-more":
                return Join("any")
        raise ContentError(
            "a group is a `logical-group` whose `selectionBehavior` is `all` or `one-or-more`, or has `at-least`",
            element=place,
            rule="group-malformed",
        )

    def _support(self, action: Json, scope: Scope, place: str) -> Expression | None:
        conditions = objects_of(action, "condition")
        if len(conditions) > 1 or any(one.get("kind") != "applicability" for one in conditions):
            raise UnsupportedFeature("a criterion has at most one `condition`, of kind `applicability`", element=place)
        if not conditions:
            return None
        return self.whole.condition(conditions[0].get("expression"), scope, f"{place}.condition[0]")

    def _refute(self, action: Json, scope: Scope, place: str) -> Expression | None:
        written = extensions_of(action, Extension.REFUTATION)
        if len(written) > 1:
            reason = "a criterion has at most one refutation; join them with `or`"
            raise ContentError(reason, element=place, rule="criterion-shape")
        if not written:
            return None
        return self.whole.condition(written[0].get("valueExpression"), scope, f"{place}.refutation")

    def _unknown_because(self, action: Json, scope: Scope, place: str) -> Iterator[tuple[Reason, Expression]]:
        for written in extensions_of(action, Extension.UNKNOWN_BECAUSE):
            found = self.whole.attempt(place, None, self._reason, written, scope, place)
            if found is not None:
                yield found

    def _reason(self, written: Json, scope: Scope, place: str) -> tuple[Reason, Expression]:
        code = part_of(written, "reason", "valueCode")
        if code not in set(Reason):
            known = ", ".join(Reason)
            reason = f"`{code}` is no reason; use one of: {known}"
            raise ContentError(reason, element=place, rule="unknown-reason")
        expression = part_of(written, "expression", "valueExpression")
        return Reason(code), self.whole.condition(expression, scope, f"{place}.unknown-because({code})")

    def _determination_of(self, action: Json, scope: Scope, place: str) -> DeterminationOf | None:
        written = extensions_of(action, Extension.DETERMINATION_OF)
        if not written:
            return None
        canonical = action.get("definitionCanonical")
        codes, node = part_of(written[0], "codes", "valueCanonical"), part_of(written[0], "node", "valueId")
        if type(canonical) is not str or codes is None or node is None:
            raise _determination_malformed("`determination-of` needs `definitionCanonical`, `node` and `codes`", place)
        for target in self._versions(canonical, place):
            if node != "clinical" and node not in {one.get("id") for one in all_actions(target)}:
                version = f"{canonical.partition('|')[0]}|{target.get('version')}"
                raise _determination_malformed(f"`{version}` has no node `{node}`", place)
        site = part_of(written[0], "sameSite", "valueExpression")
        at_order = replace(scope, context=("ServiceRequest",))
        same_site = self.whole.expression(site, at_order, f"{place}.sameSite") if site else None
        if same_site and same_site.types not in (("CodeableConcept",), ("Coding",), ("code",)):
            raise _determination_malformed("`sameSite` gives codes: a CodeableConcept, a Coding or a code", place)
        return DeterminationOf(canonical.partition("|")[0], node, self.whole.value_set(codes, place), same_site)

    def _versions(self, canonical: str, place: str) -> list[Resource]:
        """All versions of a policy: which of them counts is the date's choice."""
        try:
            return [one.resource for one in self.whole.artifacts.versions("PlanDefinition", canonical)]
        except ContentError as error:
            raise error.located(element=place) from None

    def _find(self, kind: str, canonical: str, place: str) -> Resource:
        try:
            return self.whole.artifacts.find(kind, canonical).resource
        except ContentError as error:
            raise error.located(element=place) from None

    def _state_texts(self, action: Json, scope: Scope, place: str) -> Iterator[tuple[str, StateText]]:
        for written in extensions_of(action, Extension.STATE_TEXT):
            found = self.whole.attempt(place, None, self._state_text, written, scope, place)
            if found is not None:
                yield found

    def _state_text(self, written: Json, scope: Scope, place: str) -> tuple[str, StateText]:
        state = part_of(written, "state", "valueCode")
        if state not in _STATES:
            raise _state_text_malformed("a `state-text` names a state: true, false or unknown", place)
        text: str | Expression | None = part_of(written, "text", "valueString")
        expression = part_of(written, "text", "valueExpression")
        if expression is not None:
            text = self.whole.expression(expression, scope, f"{place}.state-text({state})")
            if len(text.types) != 1 or not is_a(text.types[0].replace("System.String", "string"), "string"):
                raise _state_text_malformed("a `state-text` is a text: end in `.display`, or join with `&`", place)
        if not text:
            raise _state_text_malformed("a `state-text` needs a text", place)
        return state, StateText(text, part_of(written, "indicator", "valueCode"))

    def _suggestion(self, action: Json, place: str) -> Suggestion:
        kinds = {code for _, code in codes_of(action.get("type"))}
        if kinds not in ({"create"}, {"remove"}):
            raise _suggestion_malformed("a suggestion's `type` is the action type `create` or `remove`", place)
        when = extensions_of(action, Extension.SUGGEST_WHEN)[0]
        return Suggestion(
            label=text_of(action, "title", place),
            kind="create" if kinds == {"create"} else "delete",
            outcome=part_of(when, "outcome", "valueCode"),
            criterion=part_of(when, "criterion", "valueId"),
            state=part_of(when, "state", "valueCode"),
            activity=self._activity(action.get("definitionCanonical"), place) if kinds == {"create"} else None,
        )

    def _activity(self, canonical: object, place: str) -> Resource:
        if type(canonical) is not str:
            reason = "a suggestion to create needs `definitionCanonical`: an ActivityDefinition"
            raise _suggestion_malformed(reason, place)
        activity = self._find("ActivityDefinition", canonical, place)
        if activity.get("kind") not in ORDER_TYPES or not isinstance(activity.get("code"), Mapping):
            raise _suggestion_malformed(f"`{canonical}` needs a `kind` that is a request, and a `code`", place)
        return activity


def _role(action: Json, place: str) -> Role:
    codes = [code for concept in objects_of(action, "code") for _, code in codes_of(concept)]
    try:
        return Role(codes[0]) if len(codes) == 1 else Role("")
    except ValueError:
        known = ", ".join(Role)
        reason = f"`code` names the criterion's role, one of: {known}"
        raise ContentError(reason, element=place, rule="unknown-role") from None


def _prompt(action: Json) -> str | None:
    prompts = extensions_of(action, Extension.MISSING_PROMPT)
    return part_of(prompts[0], "text", "valueString") if prompts else None


def _check_shape(criterion: Criterion, place: str) -> None:
    kinds = (
        bool(criterion.parts),
        bool(criterion.support or criterion.refute),
        criterion.determination_of is not None,
    )
    if sum(kinds) > 1:
        reason = "a criterion is either a group, or has expressions, or reads a determination"
        raise ContentError(reason, element=place, rule="criterion-shape")
    if sum(kinds) == 0 and criterion.role not in TOLD:
        reason = "a criterion that decides needs expressions, or parts, or a determination to read"
        raise ContentError(reason, element=place, rule="criterion-shape")
    if criterion.refute and not criterion.support:
        reason = "a refutation needs a `condition` beside it: what would support the criterion"
        raise ContentError(reason, element=place, rule="criterion-shape")


def _determination_malformed(reason: str, place: str) -> ContentError:
    return ContentError(reason, element=place, rule="determination-malformed")


def _state_text_malformed(reason: str, place: str) -> ContentError:
    return ContentError(reason, element=place, rule="state-text-malformed")


def _suggestion_malformed(reason: str, place: str) -> ContentError:
    return ContentError(reason, element=place, rule="suggestion-malformed")

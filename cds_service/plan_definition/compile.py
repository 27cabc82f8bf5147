"""FHIR PlanDefinition → compiled policy. Whatever is wrong with the content is a ContentError here, at load.

Source: FHIR R4 9.2 (PlanDefinition); our profile of it: docs/reference/policy_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from cds_service.errors import ContentError, UnsupportedFeature
from cds_service.expressions.language import Expression, Scope, Types
from cds_service.fhir.definitions import element, is_a, is_resource
from cds_service.fhir.encoding import canonical as canonical_json
from cds_service.fhir.temporal import Date, parse_date
from cds_service.fhir.value_set import ValueSet
from cds_service.fhir.values import Quantity, codes_of
from cds_service.plan_definition.artifacts import Artifact, Artifacts
from cds_service.plan_definition.languages import CompileExpression, compile_expression
from cds_service.plan_definition.model import (
    Citation,
    CodeFilter,
    Criterion,
    DeterminationOf,
    Input,
    Join,
    Parameter,
    PlanDefinition,
    StateText,
    Suggestion,
)
from cds_service.plan_definition.profile import Extension, Reason, Role

__all__ = ["ORDER_TYPES", "compile_plan"]

ORDER_TYPES: Types = (
    "ServiceRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "VisionPrescription",
    "CommunicationRequest",
    "Appointment",
)

_HOOK_CONTEXT: Mapping[str, Types] = {
    "orderedCode": ("Coding",),
    "draftOrders": ORDER_TYPES,
    "asOf": ("System.Date",),
    "rejected": ("Rejected",),
}
_STATES = ("true", "false", "unknown")
_UCUM_CALENDAR = {
    "a": "year",
    "mo": "month",
    "wk": "week",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "s": "second",
}


def compile_plan(
    artifact: Artifact, artifacts: Artifacts, *, compile_with: CompileExpression = compile_expression
) -> PlanDefinition:
    """Return the policy that a PlanDefinition encodes. Raises ContentError with canonical and element.

    `compile_with` compiles its expressions: another one may remember, or watch, what the usual one does.
    """
    resource = artifact.resource
    compiler = _PlanCompiler(artifact, artifacts, compile_with)
    try:
        return compiler.plan()
    except ContentError as error:
        raise error.located(canonical=f"{resource.get('url')}|{resource.get('version')}") from None


@dataclass
class _PlanCompiler:
    artifact: Artifact
    artifacts: Artifacts
    compile_with: CompileExpression
    ids: set[str] = field(default_factory=set)
    value_sets: set[str] = field(default_factory=set)
    variables: dict[str, Expression] = field(default_factory=dict)
    suggestions: list[Suggestion] = field(default_factory=list)

    def plan(self) -> PlanDefinition:
        plan = self.artifact.resource
        policy, place = self._policy_action(plan)
        inputs = [self._input(one, f"{place}.input[{i}]") for i, one in enumerate(_objects(policy, "input"))]
        order = next((one for one in inputs if one.id == "order"), None)
        if order is None:
            raise ContentError("one `input` with the id `order` names the ordered codes", element=place)
        parameters = {one.name: one for one in self._parameters(plan)}
        known = {
            **_HOOK_CONTEXT,
            **{one.name: (one.type,) for one in parameters.values()},
            **{one.id: (one.type,) for one in inputs},
        }
        if len(known) < len(_HOOK_CONTEXT) + len(parameters) + len(inputs):
            raise ContentError("a name is used twice among inputs, parameters and %asOf, %draftOrders …", element=place)
        scope = Scope(known, self.artifacts.value_sets, code_systems=self.artifacts.code_systems)
        scope = self._with_variables(plan, scope, "PlanDefinition")
        scope = self._with_variables(policy, scope, place)
        criteria = tuple(self._children(policy, scope, place, parent=None))
        gates = {Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE, Role.EXCLUSION, Role.SCOPE}
        if not any(one.role in gates for one in criteria):
            raise ContentError(
                "no criterion decides: one must be `required`, `scope`, `exclusion` or a group", element=place
            )
        return PlanDefinition(
            canonical=_text(plan, "url"),
            version=_text(plan, "version"),
            hash=self._hash(plan),
            title=_text(plan, "title"),
            name=_first(plan, Extension.ORDER_NAME, "valueString") or _text(plan, "title"),
            group=self.artifact.group,
            status=_text(plan, "status"),
            experimental=bool(plan.get("experimental", False)),
            review_stage=_first(plan, Extension.REVIEW_STAGE, "valueCode"),
            date=plan.get("date"),
            approval_date=_date(plan, "approvalDate"),
            last_review_date=_date(plan, "lastReviewDate"),
            effective_from=_date(_object(plan, "effectivePeriod"), "start"),
            effective_to=_date(_object(plan, "effectivePeriod"), "end"),
            hooks=tuple(self._hooks(policy, place)),
            order=order,
            codes=self._ordered_codes(order, place),
            inputs=tuple(one for one in inputs if one.id != "order"),
            parameters=MappingProxyType(parameters),
            variables=MappingProxyType(dict(self.variables)),
            criteria=criteria,
            citations=tuple(_citation(one) for one in _objects(plan, "relatedArtifact") if _is_source(one)),
            override_reasons=self._override_reasons(plan),
            suggestions=tuple(self.suggestions),
        )

    # -- the policy's frame -----------------------------------------------------------------------------------

    def _policy_action(self, plan: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        actions = _objects(plan, "action")
        if len(actions) != 1:
            raise ContentError(
                "a necessity policy has one top action, which holds the criteria",
                element="PlanDefinition.action",
            )
        return actions[0], "PlanDefinition.action[0]"

    def _hooks(self, policy: Mapping[str, Any], place: str) -> Iterator[str]:
        triggers = _objects(policy, "trigger")
        if not triggers:
            raise ContentError("no `trigger` names a hook", element=place)
        for i, trigger in enumerate(triggers):
            if trigger.get("type") != "named-event" or type(trigger.get("name")) is not str:
                raise ContentError("a trigger is a `named-event` with the hook's name", element=f"{place}.trigger[{i}]")
            yield trigger["name"]

    def _input(self, requirement: Mapping[str, Any], place: str) -> Input:
        name, kind = requirement.get("id"), requirement.get("type")
        if type(name) is not str or type(kind) is not str:
            raise ContentError("an input needs an `id`, to be read as `%id`, and a `type`", element=place)
        if not is_resource(kind):
            raise ContentError(f"`{kind}` is no resource type", element=place)
        for unsupported in (
            "dateFilter",
            "profile",
            "subjectCodeableConcept",
            "subjectReference",
            "limit",
            "sort",
        ):
            if requirement.get(unsupported):
                raise UnsupportedFeature(
                    f"an input's `{unsupported}` is not carried out; filter in the expressions", element=place
                )
        filters = tuple(
            self._filter(kind, one, f"{place}.codeFilter[{i}]")
            for i, one in enumerate(_objects(requirement, "codeFilter"))
        )
        return Input(name, kind, filters)

    def _filter(self, kind: str, written: Mapping[str, Any], place: str) -> CodeFilter:
        path = written.get("path")
        if type(path) is not str or element(kind, path) is None:
            raise ContentError(f"the `path` of a code filter names an element of {kind}", element=place)
        canonical = written.get("valueSet")
        if type(canonical) is str:
            self.value_sets.add(canonical.partition("|")[0])
            return CodeFilter(path, self._value_set(canonical, place).codes, canonical)
        codes = frozenset(pair for coding in _objects(written, "code") for pair in codes_of(coding))
        if not codes:
            raise ContentError("a code filter needs a `valueSet` or `code`s", element=place)
        return CodeFilter(path, codes)

    def _ordered_codes(self, order: Input, place: str) -> ValueSet:
        about = next((one for one in order.filters if one.value_set), None)
        if about is None or about.value_set is None:
            raise ContentError(
                "the input `order` needs a code filter with a `valueSet`: the ordered codes", element=place
            )
        return self._value_set(about.value_set, place)

    def _value_set(self, canonical: str, place: str) -> ValueSet:
        try:
            return self.artifacts.value_set(canonical)
        except ContentError as error:
            raise error.located(element=place) from None

    def _parameters(self, plan: Mapping[str, Any]) -> Iterator[Parameter]:
        for written in _extensions(plan, Extension.PARAMETER):
            name = _part(written, "name", "valueString") or _part(written, "name", "valueId")
            value = _value_of(written, "value")
            if name is None or value is None:
                raise ContentError("a parameter needs a `name` and a `value`", element="PlanDefinition.extension")
            read, kind = _parameter_value(*value)
            yield Parameter(
                name,
                read,
                kind,
                _part(written, "basis", "valueString"),
                bool(_part(written, "signOff", "valueDate")),
            )

    def _with_variables(self, holder: Mapping[str, Any], scope: Scope, place: str) -> Scope:
        """HL7's `variable` extension: in declared order, each may read those before it; seen by all below."""
        for written in _extensions(holder, Extension.VARIABLE):
            expression = written.get("valueExpression")
            name = expression.get("name") if isinstance(expression, Mapping) else None
            if type(name) is not str:
                raise ContentError("a variable needs an expression with a `name`", element=place)
            if name in scope.variables or name in self.variables:
                raise ContentError(f"the name `{name}` is used twice", element=place)
            compiled = self._expression(expression, scope, f"{place}.extension({name})")
            self.variables[name] = compiled
            scope = replace(scope, variables={**scope.variables, name: compiled.types})
        return scope

    def _expression(self, written: object, scope: Scope, place: str) -> Expression:
        if not isinstance(written, Mapping) or type(written.get("expression")) is not str:
            raise ContentError("an expression with `language` and `expression` is needed", element=place)
        try:
            compiled = self.compile_with(written.get("language"), written["expression"], scope)
        except ContentError as error:
            raise error.located(element=place) from None
        self.value_sets |= compiled.value_sets
        return compiled

    def _condition(self, written: object, scope: Scope, place: str) -> Expression:
        compiled = self._expression(written, scope, place)
        if compiled.types not in (("System.Boolean",), ("boolean",)):
            raise ContentError("a criterion's expression is a boolean that ends in `.exists()`", element=place)
        return compiled

    # -- criteria ---------------------------------------------------------------------------------------------

    def _children(
        self, action: Mapping[str, Any], scope: Scope, place: str, *, parent: str | None
    ) -> Iterator[Criterion]:
        for i, child in enumerate(_objects(action, "action")):
            name = child.get("id")
            at = f"{place}.action[{i}]" + (f" ({name})" if name else "")
            try:
                if _extensions(child, Extension.SUGGEST_WHEN):
                    self.suggestions.append(self._suggestion(child, at))
                else:
                    yield self._criterion(child, scope, at, parent=parent)
            except ContentError as error:
                raise error.located(element=at) from None

    def _criterion(self, action: Mapping[str, Any], scope: Scope, place: str, *, parent: str | None) -> Criterion:
        name = action.get("id")
        if type(name) is not str:
            raise ContentError("a criterion needs an `id`", element=place)
        if name in self.ids:
            raise ContentError(f"the id `{name}` is used twice", element=place)
        self.ids.add(name)
        scope = self._with_variables(action, scope, place)
        parts = tuple(self._children(action, scope, place, parent=name))
        support, refute = self._support(action, scope, place), self._refute(action, scope, place)
        criterion = Criterion(
            id=name,
            role=self._role(action, place),
            title=_text(action, "title", place),
            parent=parent,
            text=action.get("textEquivalent") or action.get("description") or "",
            join=self._join(action, scope, place, parts),
            parts=parts,
            support=support,
            refute=refute,
            unknown_because=tuple(self._unknown_because(action, scope, place)),
            determination_of=self._determination_of(action, scope, place),
            prompt=_prompt(action),
            state_texts=MappingProxyType(dict(self._state_texts(action, scope, place))),
            citations=tuple(_citation(one) for one in _objects(action, "documentation")),
            human_review=bool(_first(action, Extension.HUMAN_REVIEW, "valueBoolean")),
        )
        _check_shape(criterion, place)
        return criterion

    def _role(self, action: Mapping[str, Any], place: str) -> Role:
        codes = [code for concept in _objects(action, "code") for _, code in codes_of(concept)]
        try:
            return Role(codes[0]) if len(codes) == 1 else Role("")
        except ValueError:
            known = ", ".join(Role)
            raise ContentError(f"`code` names the criterion's role, one of: {known}", element=place) from None

    def _join(self, action: Mapping[str, Any], scope: Scope, place: str, parts: Sequence[Criterion]) -> Join | None:
        if not parts:
            return None
        at_least = next(iter(_extensions(action, Extension.AT_LEAST)), None)
        if at_least is not None:
            count = at_least.get("valueInteger")
            if type(count) is int:
                if not 1 <= count <= len(parts):
                    raise ContentError(f"`at-least` {count} of {len(parts)} parts decides nothing", element=place)
                return Join("at-least", count)
            return Join("at-least", self._expression(at_least.get("valueExpression"), scope, f"{place}.extension"))
        match action.get("groupingBehavior"), action.get("selectionBehavior"):
            case "logical-group", "all":
                return Join("all")
            case "logical-group", "one-or-more":
                return Join("any")
        raise ContentError(
            "a group is a `logical-group` whose `selectionBehavior` is `all` or `one-or-more`, or has `at-least`",
            element=place,
        )

    def _support(self, action: Mapping[str, Any], scope: Scope, place: str) -> Expression | None:
        conditions = _objects(action, "condition")
        if len(conditions) > 1 or any(one.get("kind") != "applicability" for one in conditions):
            raise UnsupportedFeature("a criterion has at most one `condition`, of kind `applicability`", element=place)
        if not conditions:
            return None
        return self._condition(conditions[0].get("expression"), scope, f"{place}.condition[0]")

    def _refute(self, action: Mapping[str, Any], scope: Scope, place: str) -> Expression | None:
        written = _extensions(action, Extension.REFUTATION)
        if len(written) > 1:
            raise ContentError("a criterion has at most one refutation; join them with `or`", element=place)
        return self._condition(written[0].get("valueExpression"), scope, f"{place}.refutation") if written else None

    def _unknown_because(
        self, action: Mapping[str, Any], scope: Scope, place: str
    ) -> Iterator[tuple[Reason, Expression]]:
        for written in _extensions(action, Extension.UNKNOWN_BECAUSE):
            code = _part(written, "reason", "valueCode")
            if code not in set(Reason):
                known = ", ".join(Reason)
                raise ContentError(f"`{code}` is no reason; use one of: {known}", element=place)
            expression = _part(written, "expression", "valueExpression")
            yield Reason(code), self._condition(expression, scope, f"{place}.unknown-because({code})")

    def _determination_of(self, action: Mapping[str, Any], scope: Scope, place: str) -> DeterminationOf | None:
        written = _extensions(action, Extension.DETERMINATION_OF)
        if not written:
            return None
        canonical = action.get("definitionCanonical")
        codes, node = _part(written[0], "codes", "valueCanonical"), _part(written[0], "node", "valueId")
        if type(canonical) is not str or codes is None or node is None:
            raise ContentError("`determination-of` needs `definitionCanonical`, `node` and `codes`", element=place)
        target = self._target(canonical, place)
        if node != "clinical" and node not in {one.get("id") for one in _all_actions(target.resource)}:
            raise ContentError(f"`{canonical}` has no node `{node}`", element=place)
        site = _part(written[0], "sameSite", "valueExpression")
        at_order = replace(scope, context=("ServiceRequest",))
        same_site = self._expression(site, at_order, f"{place}.sameSite") if site else None
        if same_site and same_site.types not in (("CodeableConcept",), ("Coding",), ("code",)):
            raise ContentError("`sameSite` gives codes: a CodeableConcept, a Coding or a code", element=place)
        self.value_sets.add(codes.partition("|")[0])
        return DeterminationOf(canonical.partition("|")[0], node, self._value_set(codes, place), same_site)

    def _target(self, canonical: str, place: str) -> Artifact:
        try:
            return self.artifacts.find("PlanDefinition", canonical)
        except ContentError as error:
            raise error.located(element=place) from None

    def _state_texts(self, action: Mapping[str, Any], scope: Scope, place: str) -> Iterator[tuple[str, StateText]]:
        for written in _extensions(action, Extension.STATE_TEXT):
            state = _part(written, "state", "valueCode")
            if state not in _STATES:
                raise ContentError("a `state-text` names a state: true, false or unknown", element=place)
            text: str | Expression | None = _part(written, "text", "valueString")
            expression = _part(written, "text", "valueExpression")
            if expression is not None:
                text = self._expression(expression, scope, f"{place}.state-text({state})")
                if len(text.types) != 1 or not is_a(text.types[0].replace("System.String", "string"), "string"):
                    raise ContentError("a `state-text` is a text: end in `.display`, or join with `&`", element=place)
            if not text:
                raise ContentError("a `state-text` needs a text", element=place)
            yield state, StateText(text, _part(written, "indicator", "valueCode"))

    # -- around the criteria ----------------------------------------------------------------------------------

    def _suggestion(self, action: Mapping[str, Any], place: str) -> Suggestion:
        kinds = {code for _, code in codes_of(action.get("type"))}
        if kinds not in ({"create"}, {"remove"}):
            raise ContentError("a suggestion's `type` is the action type `create` or `remove`", element=place)
        when = _extensions(action, Extension.SUGGEST_WHEN)[0]
        canonical = action.get("definitionCanonical")
        activity = None
        if kinds == {"create"}:
            if type(canonical) is not str:
                raise ContentError(
                    "a suggestion to create needs `definitionCanonical`: an ActivityDefinition", element=place
                )
            try:
                activity = self.artifacts.find("ActivityDefinition", canonical).resource
            except ContentError as error:
                raise error.located(element=place) from None
            if activity.get("kind") not in ORDER_TYPES or not isinstance(activity.get("code"), Mapping):
                raise ContentError(f"`{canonical}` needs a `kind` that is a request, and a `code`", element=place)
        return Suggestion(
            label=_text(action, "title", place),
            kind="create" if kinds == {"create"} else "delete",
            outcome=_part(when, "outcome", "valueCode"),
            criterion=_part(when, "criterion", "valueId"),
            state=_part(when, "state", "valueCode"),
            activity=activity,
        )

    def _override_reasons(self, plan: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
        canonical = _first(plan, Extension.OVERRIDE_REASONS, "valueCanonical")
        if canonical is None:
            return ()
        names = self._value_set(canonical, "PlanDefinition.extension(override-reasons)").names
        return tuple(
            MappingProxyType({"system": str(system), "code": code, "display": display})
            for (system, code), display in names.items()
        )

    def _hash(self, plan: Mapping[str, Any]) -> str:
        """The content that decides: the plan and every value set that it reads."""
        digest = sha256(canonical_json(plan))
        for url in sorted(self.value_sets):
            digest.update(canonical_json(self.artifacts.find("ValueSet", url).resource))
        return digest.hexdigest()


def _check_shape(criterion: Criterion, place: str) -> None:
    kinds = [
        bool(criterion.parts),
        bool(criterion.support or criterion.refute),
        criterion.determination_of is not None,
    ]
    told = {Role.CONDITION, Role.CAUTION, Role.SUPPORTING}
    if sum(kinds) > 1:
        raise ContentError("a criterion is either a group, or has expressions, or reads a determination", element=place)
    if sum(kinds) == 0 and criterion.role not in told:
        raise ContentError(
            "a criterion that decides needs expressions, or parts, or a determination to read", element=place
        )
    if criterion.refute and not criterion.support:
        raise ContentError(
            "a refutation needs a `condition` beside it: what would support the criterion", element=place
        )


# -- reading FHIR's JSON --------------------------------------------------------------------------------------


def _objects(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = holder.get(name)
    if found is None:
        return []
    if type(found) is not list or not all(isinstance(one, Mapping) for one in found):
        raise ContentError(f"`{name}` must be an array of objects")
    return found


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name, {})
    if not isinstance(found, Mapping):
        raise ContentError(f"`{name}` must be an object")
    return found


def _extensions(holder: Mapping[str, Any], url: str) -> list[Mapping[str, Any]]:
    return [one for one in _objects(holder, "extension") if one.get("url") == url]


def _first(holder: Mapping[str, Any], url: str, value: str) -> Any:
    """Return the value of the first extension of that url. Raises ContentError if it is not of its type."""
    found = next((one.get(value) for one in _extensions(holder, url)), None)
    kind = _JSON_TYPES.get(value)
    if found is not None and kind and type(found) is not kind:
        raise ContentError(f"`{value}` of the extension `{url}` is not of its type")
    return found


_JSON_TYPES: Mapping[str, type] = {
    "valueBoolean": bool,
    "valueCanonical": str,
    "valueCode": str,
    "valueDate": str,
    "valueId": str,
    "valuePositiveInt": int,
    "valueString": str,
}


def _part(extension: Mapping[str, Any], url: str, value: str) -> Any:
    """Return the value of a complex extension's part; parts are named by a bare url."""
    return _first(extension, url, value)


def _value_of(extension: Mapping[str, Any], url: str) -> tuple[str, Any] | None:
    for part in _extensions(extension, url):
        for key, value in part.items():
            if key.startswith("value"):
                return key.removeprefix("value"), value
    return None


def _parameter_value(kind: str, value: Any) -> tuple[Any, str]:
    if kind in ("Duration", "Quantity") and isinstance(value, Mapping):
        code = str(value.get("code") or value.get("unit") or "1")
        if kind == "Duration" and code not in _UCUM_CALENDAR:
            known_units = ", ".join(f"`{one}`" for one in _UCUM_CALENDAR)
            raise ContentError(f"a duration's `code` is one of {known_units}", element="PlanDefinition.extension")
        unit = _UCUM_CALENDAR.get(code, code) if kind == "Duration" else code
        return Quantity(_number(value.get("value")), unit), "System.Quantity"
    known: Mapping[str, tuple[str, type]] = {
        "Integer": ("System.Integer", int),
        "Code": ("System.String", str),
        "String": ("System.String", str),
        "Boolean": ("System.Boolean", bool),
    }
    if kind in known:
        name, json_type = known[kind]
        if type(value) is not json_type:
            raise ContentError(f"a parameter's `value{kind}` is not of its type", element="PlanDefinition.extension")
        return value, name
    if kind == "Decimal":
        return _number(value), "System.Decimal"
    raise UnsupportedFeature(f"a parameter of the type `{kind}` is not carried out", element="PlanDefinition.extension")


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ContentError("a parameter's value is no number", element="PlanDefinition.extension")
    return Decimal(value)


def _text(holder: Mapping[str, Any], name: str, place: str = "PlanDefinition") -> str:
    value = holder.get(name)
    if type(value) is not str or not value:
        raise ContentError(f"`{name}` is missing", element=place)
    return value


def _date(holder: Mapping[str, Any], name: str) -> Date | None:
    value = holder.get(name)
    if value is None:
        return None
    parsed = parse_date(str(value)[:10])
    if parsed is None:
        raise ContentError(f"`{name}` is no date", element="PlanDefinition")
    return parsed


def _prompt(action: Mapping[str, Any]) -> str | None:
    prompts = _extensions(action, Extension.MISSING_PROMPT)
    return _part(prompts[0], "text", "valueString") if prompts else None


def _is_source(artifact: Mapping[str, Any]) -> bool:
    return artifact.get("type") in ("citation", "justification", "derived-from")


def _citation(artifact: Mapping[str, Any]) -> Citation:
    size = _first(artifact, Extension.CITATION_SAMPLE_SIZE, "valuePositiveInt")
    return Citation(
        text=str(artifact.get("citation") or artifact.get("display") or artifact.get("label") or ""),
        url=artifact.get("url"),
        identification=_first(artifact, Extension.CITATION_IDENTIFICATION, "valueCode"),
        population=_first(artifact, Extension.CITATION_POPULATION, "valueString"),
        sample_size=size,
        strength=_concept(artifact, Extension.EVIDENCE_STRENGTH),
        quality=_concept(artifact, Extension.EVIDENCE_QUALITY),
    )


def _concept(holder: Mapping[str, Any], url: str) -> str | None:
    concept = _first(holder, url, "valueCodeableConcept")
    return next((code for _, code in codes_of(concept)), None)


def _all_actions(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for action in _objects(plan, "action"):
        yield action
        yield from _all_actions(action)

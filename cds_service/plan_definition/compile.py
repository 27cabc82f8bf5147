"""FHIR PlanDefinition → compiled policy. Whatever is wrong with the content is a ContentError here, at load.

Source: FHIR R4 9.2 (PlanDefinition); our profile of it: docs/reference/policy_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from cds_service.errors import ContentError, UnsupportedFeature
from cds_service.expressions.language import Scope, Types
from cds_service.fhir.definitions import element, is_resource
from cds_service.fhir.encoding import canonical as canonical_json
from cds_service.fhir.value_set import ValueSet
from cds_service.fhir.values import codes_of
from cds_service.plan_definition.artifacts import Artifact, Artifacts
from cds_service.plan_definition.citations import is_source, read_citation
from cds_service.plan_definition.compilation import Compilation
from cds_service.plan_definition.criteria import ORDER_TYPES, CriteriaCompiler
from cds_service.plan_definition.elements import Json, date_of, extensions_of, object_of, objects_of, text_of, value_of
from cds_service.plan_definition.languages import CompileExpression, compile_expression
from cds_service.plan_definition.model import CodeFilter, Criterion, Input, Parameter, PlanDefinition
from cds_service.plan_definition.parameters import read_parameter
from cds_service.plan_definition.profile import Extension, Role
from cds_service.plan_definition.verification import unverified_codes

__all__ = ["HOOK_CONTEXT", "ORDER_TYPES", "compile_plan", "examine_plan"]

HOOK_CONTEXT: Mapping[str, Types] = {
    "orderedCode": ("Coding",),
    "draftOrders": ORDER_TYPES,
    "asOf": ("System.Date",),
    "rejected": ("Rejected",),
}
"""What every expression may read, beside `%order` and what the policy names itself."""

_GATES = (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE, Role.EXCLUSION, Role.SCOPE)
_NOT_CARRIED_OUT = ("dateFilter", "profile", "subjectCodeableConcept", "subjectReference", "limit", "sort")


def compile_plan(
    artifact: Artifact, artifacts: Artifacts, *, compile_with: CompileExpression = compile_expression
) -> PlanDefinition:
    """Return the policy that a PlanDefinition encodes. Raises ContentError for the first fault, with its place.

    `compile_with` compiles its expressions: another one may remember, or watch, what the usual one does.
    """
    plan, faults = examine_plan(artifact, artifacts, compile_with=compile_with)
    if plan is None or faults:
        raise faults[0]
    return plan


def examine_plan(
    artifact: Artifact, artifacts: Artifacts, *, compile_with: CompileExpression = compile_expression
) -> tuple[PlanDefinition | None, tuple[ContentError, ...]]:
    """Return the policy as far as it can be compiled, and every fault in it, in the order of the plan.

    What is at fault is left out of the policy; there is none where its frame is.
    """
    resource = artifact.resource
    whole = Compilation(artifacts, compile_with)
    plan = whole.attempt("PlanDefinition", None, _PlanCompiler(artifact, whole).plan)
    canonical = f"{resource.get('url')}|{resource.get('version')}"
    return plan, tuple(fault.located(canonical=canonical) for fault in whole.faults)


@dataclass
class _PlanCompiler:
    artifact: Artifact
    whole: Compilation

    def plan(self) -> PlanDefinition | None:
        plan, attempt = self.artifact.resource, self.whole.attempt
        policy, place = _policy_action(plan)
        inputs = self._inputs(policy, place)
        order = next((one for one in inputs if one.id == "order"), None)
        if order is None:
            if any(one.get("id") == "order" for one in objects_of(policy, "input")):
                return None  # its fault is told
            reason = "one `input` with the id `order` names the ordered codes"
            raise ContentError(reason, element=place, rule="no-ordered-codes")
        parameters = self._parameters(plan)
        scope = self._scope(policy, place, parameters, inputs)
        scope = self.whole.with_variables(plan, scope, "PlanDefinition")
        scope = self.whole.with_variables(policy, scope, place)
        compiler = CriteriaCompiler(self.whole)
        criteria = tuple(compiler.children(policy, scope, place, parent=None))
        attempt(place, None, self._check_that_one_decides, criteria, place)
        period = attempt("PlanDefinition", {}, object_of, plan, "effectivePeriod")
        title = attempt("PlanDefinition", "", text_of, plan, "title")
        return PlanDefinition(
            canonical=attempt("PlanDefinition", "", text_of, plan, "url"),
            version=attempt("PlanDefinition", "", text_of, plan, "version"),
            title=title,
            name=attempt("PlanDefinition", None, value_of, plan, Extension.ORDER_NAME, "valueString") or title,
            group=self.artifact.group,
            status=attempt("PlanDefinition", "", text_of, plan, "status"),
            experimental=bool(plan.get("experimental", False)),
            review_stage=attempt("PlanDefinition", None, value_of, plan, Extension.REVIEW_STAGE, "valueCode"),
            date=plan.get("date"),
            approval_date=attempt("PlanDefinition", None, date_of, plan, "approvalDate"),
            last_review_date=attempt("PlanDefinition", None, date_of, plan, "lastReviewDate"),
            effective_from=attempt("PlanDefinition", None, date_of, period, "start"),
            effective_to=attempt("PlanDefinition", None, date_of, period, "end"),
            reviewers=attempt("PlanDefinition", (), lambda: tuple(_reviewers(plan))),
            unverified=() if self.whole.faults else self._unverified(plan),
            hooks=attempt(place, (), lambda: tuple(_hooks(policy, place))),
            order=order,
            codes=self._ordered_codes(order, place),
            inputs=tuple(one for one in inputs if one.id != "order"),
            parameters=MappingProxyType(parameters),
            variables=MappingProxyType(dict(self.whole.variables)),
            criteria=criteria,
            citations=tuple(read_citation(one) for one in objects_of(plan, "relatedArtifact") if is_source(one)),
            override_reasons=attempt("PlanDefinition", (), self._override_reasons, plan),
            suggestions=tuple(compiler.suggestions),
            value_sets=frozenset(self.whole.value_sets),
            hash="" if self.whole.faults else self._hash(plan),
        )

    # -- names ------------------------------------------------------------------------------------------------

    def _inputs(self, policy: Json, place: str) -> list[Input]:
        found = []
        for i, written in enumerate(objects_of(policy, "input")):
            at = f"{place}.input[{i}]"
            read = self.whole.attempt(at, None, self._input, written, at)
            if read is not None:
                found.append(read)
        return found

    def _input(self, requirement: Json, place: str) -> Input:
        name, kind = requirement.get("id"), requirement.get("type")
        if type(name) is not str or type(kind) is not str:
            raise _input_malformed("an input needs an `id`, to be read as `%id`, and a `type`", place)
        if not is_resource(kind):
            raise _input_malformed(f"`{kind}` is no resource type", place)
        for unsupported in _NOT_CARRIED_OUT:
            if requirement.get(unsupported):
                reason = f"an input's `{unsupported}` is not carried out; filter in the expressions"
                raise UnsupportedFeature(reason, element=place)
        filters = enumerate(objects_of(requirement, "codeFilter"))
        return Input(name, kind, tuple(self._filter(kind, one, f"{place}.codeFilter[{i}]") for i, one in filters))

    def _filter(self, kind: str, written: Json, place: str) -> CodeFilter:
        path = written.get("path")
        if type(path) is not str or element(kind, path) is None:
            raise _input_malformed(f"the `path` of a code filter names an element of {kind}", place)
        canonical = written.get("valueSet")
        if type(canonical) is str:
            return CodeFilter(path, self.whole.value_set(canonical, place).codes, canonical)
        codes = frozenset(pair for coding in objects_of(written, "code") for pair in codes_of(coding))
        if not codes:
            raise _input_malformed("a code filter needs a `valueSet` or `code`s", place)
        return CodeFilter(path, codes)

    def _parameters(self, plan: Json) -> dict[str, Parameter]:
        found = {}
        for written in extensions_of(plan, Extension.PARAMETER):
            read = self.whole.attempt("PlanDefinition.extension", None, read_parameter, written)
            if read is not None:
                found[read.name] = read
        return found

    def _scope(self, policy: Json, place: str, parameters: Mapping[str, Parameter], inputs: Sequence[Input]) -> Scope:
        """Return the names that all expressions may read; what was at fault above stands for nothing."""
        stated = extensions_of(self.artifact.resource, Extension.PARAMETER)
        names = [
            part["valueString"] for one in stated for part in objects_of(one, "extension") if "valueString" in part
        ]
        at_fault = [*names, *(one.get("id") for one in objects_of(policy, "input"))] if self.whole.faults else []
        known: dict[str, Types] = {
            **{name: () for name in at_fault if type(name) is str},
            **HOOK_CONTEXT,
            **{one.name: (one.type,) for one in parameters.values()},
            **{one.id: (one.type,) for one in inputs},
        }
        given = [*HOOK_CONTEXT, *parameters, *(one.id for one in inputs)]
        if len(set(given)) < len(given):
            reason = "a name is used twice among inputs, parameters and %asOf, %draftOrders …"
            self.whole.faults.append(ContentError(reason, element=place, rule="name-twice"))
        return Scope(known, self.whole.artifacts.value_sets, code_systems=self.whole.artifacts.code_systems)

    # -- what stands around the criteria ----------------------------------------------------------------------

    def _check_that_one_decides(self, criteria: Sequence[Criterion], place: str) -> None:
        if not self.whole.faults and not any(one.role in _GATES for one in criteria):
            reason = "no criterion decides: one must be `required`, `scope`, `exclusion` or a group"
            raise ContentError(reason, element=place, rule="nothing-decides")

    def _ordered_codes(self, order: Input, place: str) -> ValueSet:
        about = next((one for one in order.filters if one.value_set), None)
        if about is None or about.value_set is None:
            reason = "the input `order` needs a code filter with a `valueSet`: the ordered codes"
            raise ContentError(reason, element=place, rule="no-ordered-codes")
        return self.whole.value_set(about.value_set, place)

    def _override_reasons(self, plan: Json) -> tuple[Mapping[str, str], ...]:
        canonical = value_of(plan, Extension.OVERRIDE_REASONS, "valueCanonical")
        if canonical is None:
            return ()
        names = self.whole.value_set(canonical, "PlanDefinition.extension(override-reasons)").names
        return tuple(
            MappingProxyType({"system": str(system), "code": code, "display": display})
            for (system, code), display in names.items()
        )

    def _unverified(self, plan: Json) -> tuple[str, ...]:
        """The codes that nobody verified; a policy that is not active may hold them, and is not searched."""
        if plan.get("status") != "active":
            return ()
        read = (self.whole.artifacts.find("ValueSet", url).resource for url in sorted(self.whole.value_sets))
        return tuple(sorted({code for value_set in read for code in unverified_codes(value_set)}))

    def _hash(self, plan: Json) -> str:
        """The content that decides: the plan and every value set that it reads."""
        digest = sha256(canonical_json(plan))
        for url in sorted(self.whole.value_sets):
            digest.update(canonical_json(self.whole.artifacts.find("ValueSet", url).resource))
        return digest.hexdigest()


def _policy_action(plan: Json) -> tuple[Json, str]:
    actions = objects_of(plan, "action")
    if len(actions) != 1:
        reason = "a necessity policy has one top action, which holds the criteria"
        raise ContentError(reason, element="PlanDefinition.action", rule="no-top-action")
    return actions[0], "PlanDefinition.action[0]"


def _hooks(policy: Json, place: str) -> Iterator[str]:
    triggers = objects_of(policy, "trigger")
    if not triggers:
        raise ContentError("no `trigger` names a hook", element=place, rule="trigger-malformed")
    for i, trigger in enumerate(triggers):
        if trigger.get("type") != "named-event" or type(trigger.get("name")) is not str:
            reason = "a trigger is a `named-event` with the hook's name"
            raise ContentError(reason, element=f"{place}.trigger[{i}]", rule="trigger-malformed")
        yield trigger["name"]


def _reviewers(plan: Json) -> Iterator[str]:
    """The names of who reviewed and endorsed the policy. Who is named without a name is not named."""
    for contact in (*objects_of(plan, "reviewer"), *objects_of(plan, "endorser")):
        if type(name := contact.get("name")) is str and name.strip():
            yield name


def _input_malformed(reason: str, place: str) -> ContentError:
    return ContentError(reason, element=place, rule="input-malformed")

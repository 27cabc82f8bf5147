"""Orders, policies and the record → one determination per ordered code and policy. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cds_service import __version__
from cds_service.errors import EvaluationError
from cds_service.expressions.language import Budget, Environment, Expression, Missing
from cds_service.expressions.logic import Truth, any_of
from cds_service.fhir.encoding import canonical
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.values import Code, codes_of
from cds_service.necessity.chart import Chart
from cds_service.necessity.evidence import gather_evidence
from cds_service.necessity.lifecycle import REVIEW_VALID_MONTHS, Refusal, refusal
from cds_service.necessity.model import CriterionResult, Determination, Evidence, LookedAt, Note, Order, Outcome
from cds_service.necessity.orders import Orders
from cds_service.necessity.questionnaire import NO_ANSWER, answers_of
from cds_service.necessity.roll_up import clinical_truth, group_result, outcome_of
from cds_service.necessity.undisclosed import UNDISCLOSED
from cds_service.plan_definition.model import Criterion, DeterminationOf, PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.profile import CANONICAL_BASE, Reason, Role

__all__ = ["determine", "determine_all", "environment_of"]

_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a malformed chart can make of an expression. It is never "no": the criterion is unknown, with its problem."""


def determine_all(
    orders: Orders,
    policies: Policies,
    record: PatientRecord,
    *,
    production: bool = False,
    review_valid_months: int = REVIEW_VALID_MONTHS,
) -> tuple[Determination, ...]:
    """Return the determinations, policy by policy; a policy is asked after those whose answer it reads.

    Of several versions of a policy the one that counts on the order's date decides. In production what the life cycle
    refuses is not evaluated.
    """
    charts: dict[Date, Chart] = {}
    done: list[Determination] = []
    budget = Budget()
    with_undisclosed = replace(orders, drafts=(*orders.drafts, *UNDISCLOSED))
    for plan in policies.deciding(order.coded for order in orders.covered):
        for order in orders.covered:
            if order.coded in plan.codes.codes and policies.counts(plan, order.as_of):
                chart = charts.setdefault(order.as_of, Chart(record, order.as_of, orders.drafts))
                refused = refusal(plan, order.as_of, review_valid_months=review_valid_months)
                if refused and production:
                    done.append(_refused(order, plan, chart, refused))
                else:
                    others = None if orders.whole else environment_of(order, plan, chart, with_undisclosed, budget)
                    environment = environment_of(order, plan, chart, orders, budget)
                    made = determine(order, plan, environment, done, others=others)
                    done.append(replace(made, refusal=refused) if refused else made)
    return tuple(done)


def determine(
    order: Order,
    plan: PlanDefinition,
    environment: Environment,
    done: Sequence[Determination],
    *,
    known: Mapping[str, CriterionResult] | None = None,
    others: Environment | None = None,
) -> Determination:
    """Return what a policy determines for an order; `done` are the determinations that it may read.

    Criteria whose result is `known` already are not asked again. `others` is the environment with orders that there
    may be besides: where it is given, only what holds there, too, holds.
    """
    evaluation = _Evaluation(order, plan, environment, done, known or {}, others)
    for criterion in plan.criteria:
        evaluation.evaluate(criterion)
    results = tuple(evaluation.results[criterion.id] for criterion in plan.walk())
    top = [evaluation.results[criterion.id] for criterion in plan.criteria]
    outcome, kind = outcome_of(top)
    return Determination(
        id=_identity(order, plan, environment.record.patient_id, results),
        order=order,
        plan=plan,
        outcome=outcome,
        kind=kind,
        results=results,
        conditions=tuple(_conditions(results)),
        cautions=tuple(_cautions(results)),
        clinical=clinical_truth(top),
        as_of=order.as_of,
    )


def _refused(order: Order, plan: PlanDefinition, chart: Chart, refused: Refusal) -> Determination:
    return Determination(
        id=_identity(order, plan, chart.record.patient_id, ()),
        order=order,
        plan=plan,
        outcome=Outcome.NOT_EVALUATED,
        kind=None,
        results=(),
        conditions=(),
        cautions=(),
        clinical=None,
        as_of=order.as_of,
        refusal=refused,
    )


def environment_of(
    order: Order, plan: PlanDefinition, chart: Chart, orders: Orders, budget: Budget | None = None
) -> Environment:
    """Return what the expressions of a policy read when it is asked about an order; they share the budget."""
    values: dict[str, Sequence[Any]] = {
        "order": (order.resource,),
        "orderedCode": (order.coding,),
        "draftOrders": orders.drafts,
        "asOf": (order.as_of,),
        "rejected": chart.rejected,
    }
    values |= {name: (parameter.value,) for name, parameter in plan.parameters.items()}
    values |= {one.id: chart.select(one) for one in plan.inputs}
    return Environment(chart.record, order.as_of, values=values, defined=plan.variables, budget=budget)


class _Evaluation:
    """One order under one policy: every criterion's result, by its id."""

    def __init__(
        self,
        order: Order,
        plan: PlanDefinition,
        environment: Environment,
        done: Sequence[Determination],
        known: Mapping[str, CriterionResult],
        others: Environment | None,
    ) -> None:
        self.order = order
        self.plan = plan
        self.environment = environment
        self.done = done
        self.known = known
        self.others = others
        self.answers = answers_of(plan, order, environment.record)
        self.results: dict[str, CriterionResult] = {}

    def evaluate(self, criterion: Criterion) -> CriterionResult:
        """Evaluate a criterion after its parts, and keep the result."""
        if criterion.id in self.known:
            return self.results.setdefault(criterion.id, self.known[criterion.id])
        parts = [self.evaluate(part) for part in criterion.parts]
        if criterion.join is not None:
            result = self._group(criterion, parts)
        elif criterion.determination_of is not None:
            result = self._elsewhere(criterion, criterion.determination_of)
        else:
            result = self._leaf(criterion)
        text = self._text(criterion, result.state_name)
        result = replace(result, text=text) if text is not None else result
        self.results[criterion.id] = result
        return result

    def _group(self, criterion: Criterion, parts: Sequence[CriterionResult]) -> CriterionResult:
        assert criterion.join is not None  # noqa: S101 - narrows the type
        match criterion.join.kind, criterion.join.count:
            case "all", _:
                needed = len(parts)
            case "any", _:
                needed = 1
            case _, int(count):
                needed = count
            case _, wanted:
                found, problem = self._guarded(lambda: tuple(wanted.items(self.environment)) if wanted else ())
                if found is None or len(found) != 1 or type(found[0]) is not int or not 1 <= found[0] <= len(parts):
                    why = problem or ("the number of parts that must hold is none from 1 to all", Reason.UNREADABLE)
                    return CriterionResult(criterion, None, why[1], problem=why[0])
                needed = found[0]
        return group_result(criterion, needed, parts)

    def _leaf(self, criterion: Criterion) -> CriterionResult:
        if criterion.support is None:
            return CriterionResult(criterion, True)  # a note that always goes with the policy
        told = self.answers.get(criterion.id, NO_ANSWER)
        supported, found, problem = self._answer(criterion.support)
        refuted, against, problem = (None, (), problem) if problem else self._answer(criterion.refute)
        if problem and (problem[1] is not Reason.AMBIGUOUS or told is NO_ANSWER):
            return CriterionResult(criterion, None, problem[1], problem=problem[0])
        supported, refuted = supported or bool(told.yes), refuted or bool(told.no)
        evidence = tuple({one.path: one for one in (*found, *told.yes, *against, *told.no)}.values())
        if supported and refuted:
            return CriterionResult(criterion, None, Reason.CONFLICT, evidence)
        if supported or refuted:
            return CriterionResult(criterion, bool(supported), evidence=evidence)
        return self._unknown(criterion)

    def _unknown(self, criterion: Criterion) -> CriterionResult:
        for reason, expression in criterion.unknown_because:
            holds, evidence, problem = self._answer(expression)
            if problem:
                return CriterionResult(criterion, None, problem[1], problem=problem[0])
            if holds:
                return CriterionResult(criterion, None, reason, evidence)
        record = self.environment.record
        unseen = record.unread and record.may_hold_more(self.plan.types_read(criterion))
        reason = Reason.UNREADABLE if unseen else Reason.ABSENT
        return CriterionResult(criterion, None, reason, looked_at=self._looked_at(criterion.support))

    def _elsewhere(self, criterion: Criterion, wanted: DeterminationOf) -> CriterionResult:
        """The truth of another policy's node. In a whole order set an order that is not there is not there."""
        states: list[Truth] = []
        evidence: list[Evidence] = []
        inapplicable = False
        for other in self.done:
            if other.plan.canonical != wanted.canonical or other.order.coded not in wanted.codes.codes:
                continue
            at_site, problem = self._guarded(partial(self._same_site, wanted, other.order))
            if problem:
                return CriterionResult(criterion, None, problem[1], problem=problem[0])
            if at_site is False:
                continue
            inapplicable |= other.outcome is Outcome.NOT_APPLICABLE
            state = other.state_of(wanted.node)
            states.append(state if at_site else None)
            evidence.append(Evidence(other.order.path, other.order.code, None, "draft"))
        if not states:
            absent = False if criterion.role is Role.CODE_FIT and self.others is None else None
            own = Evidence(self.order.path, self.order.code, None, "draft")
            return CriterionResult(criterion, absent, None if absent is False else Reason.ABSENT, (own,))
        state = any_of(states if self.others is None else [*states, None])
        reason = None if state is not None else Reason.ABSENT
        return CriterionResult(
            criterion, state, reason, tuple(evidence), not_applicable=inapplicable and state is not True
        )

    def _same_site(self, wanted: DeterminationOf, other: Order) -> Truth:
        """Return whether two orders name a site in common; None if that cannot be told from what they name."""
        if wanted.same_site is None:
            return True
        mine, theirs = self._sites(wanted.same_site, self.order), self._sites(wanted.same_site, other)
        codes, others = set(chain(*mine)), set(chain(*theirs))
        if codes & others:
            return True
        comparable = {system for system, _ in codes} & {system for system, _ in others}
        return False if comparable and all(mine) and all(theirs) else None

    def _sites(self, expression: Expression, order: Order) -> list[frozenset[Code]]:
        """Return the sites that an order names, each with the codes it goes by: none for a site in words only."""
        self.environment.focus, focus = order.resource, self.environment.focus
        try:
            return [frozenset(codes_of(item)) for item in expression.items(self.environment)]
        finally:
            self.environment.focus = focus

    def _answer(self, expression: Expression | None) -> tuple[Truth, tuple[Evidence, ...], tuple[str, Reason] | None]:
        """Return whether a condition holds, what it rests on if it does, and what kept it from being told."""
        if expression is None:
            return None, (), None
        told, problem = self._guarded(lambda: expression.answer(self.environment))
        if problem:
            return None, (), problem
        holds, places = told
        if holds and self.others is not None:
            others = self.others
            still, problem = self._guarded(lambda: expression.truth(others))
            if problem or not still:
                return None, (), problem
        evidence, problem = self._guarded(lambda: gather_evidence(places)) if holds else ((), None)
        return holds, evidence or (), problem

    def _looked_at(self, expression: Expression | None) -> tuple[LookedAt, ...]:
        """Return the elements that were candidates for a criterion, each with the condition that did not hold."""
        refusals, _ = self._guarded(lambda: expression.refusals(self.environment)) if expression else ((), None)
        return tuple(LookedAt(str(one.location), one.condition) for one in refusals or ())

    def _guarded(self, ask: Callable[[], Any]) -> tuple[Any, tuple[str, Reason] | None]:
        """Return the answer, or None with the problem that kept it from being one."""
        try:
            return ask(), None
        except Missing as missing:
            return None, (str(missing), Reason(missing.code))
        except EvaluationError as error:
            return None, (str(error), Reason.UNREADABLE)
        except _FAULTS as fault:
            return None, (f"the chart could not be read here ({type(fault).__name__})", Reason.UNREADABLE)

    def _text(self, criterion: Criterion, state: str) -> str | None:
        written = (criterion.state_texts or {}).get(state)
        if written is None:
            return None
        text = written.text
        if isinstance(text, str):
            return text
        found, _ = self._guarded(lambda: tuple(text.items(self.environment)))
        return found[0] if found and isinstance(found[0], str) else None


def _conditions(results: Sequence[CriterionResult]) -> Iterator[Note]:
    for result in results:
        if result.criterion.role is Role.CONDITION and result.state is True:
            yield Note(result.criterion.id, result.text or result.criterion.text or result.criterion.title)


def _cautions(results: Sequence[CriterionResult]) -> Iterator[Note]:
    """Cautions that hold, and the open questions that do not hold the order up."""
    for result in results:
        criterion = result.criterion
        if criterion.role is Role.CAUTION and result.state is True:
            yield Note(criterion.id, result.text or criterion.text or criterion.title)
        elif criterion.role in (Role.CONDITION, Role.CAUTION, Role.CODE_CONFLICT) and result.state is None:
            question = result.text or criterion.prompt
            if question:
                yield Note(criterion.id, question)


def _identity(order: Order, plan: PlanDefinition, patient_id: str, results: Sequence[CriterionResult]) -> str:
    """Return the determination's id, made of what it rests on: equal content, equal id."""
    parts: Mapping[str, Any] = {
        "patient": patient_id,
        "order": [order.path, order.system, order.code],
        "policy": plan.hash,
        "parameters": {name: str(one.value) for name, one in plan.parameters.items()},
        "engine": __version__,
        "asOf": str(order.as_of),
        "states": [
            [
                one.criterion.id,
                one.state_name,
                one.reason,
                [[e.path, e.value, e.date, e.status] for e in one.evidence],
            ]
            for one in results
        ],
    }
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL_BASE}/determination/{canonical(parts).decode()}"))

"""A case run again with a mutant: only what can come out otherwise is asked again, all else is taken from before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cds_service.authoring.cases import RECEIVED, parameters_of, with_parameters
from cds_service.authoring.mutation.difference import Difference
from cds_service.authoring.suite import Run
from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Expression
from cds_service.necessity.chart import Chart
from cds_service.necessity.determine import determine, environment_of
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.necessity.orders import read_orders
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, record_of

__all__ = ["Before", "before"]


@dataclass(slots=True)
class _Asked:
    """One determination, with what the expressions of its policy read."""

    determination: Determination
    environment: Environment
    told: dict[int, Any] = field(default_factory=dict)
    """What the original's expressions answered here, by their identity."""


@dataclass(slots=True, eq=False)
class Before:
    """A run with the policies as they are."""

    run: Run
    evaluation: Evaluation
    asked: tuple[_Asked, ...]

    @property
    def decided(self) -> frozenset[str]:
        """Return which policies decided, as `canonical|version`."""
        return frozenset(one.determination.plan.reference for one in self.asked)

    def ask(self, plan: PlanDefinition) -> None:
        """Ask a policy, which may be one that watches, about the orders that its like decided on."""
        for one in self.asked:
            held = one.determination
            if held.plan.reference == plan.reference and held.results:
                environment = one.environment.but_for(plan.variables, values={}, defined=plan.variables)
                determine(held.order, plan, environment, [other.determination for other in self.asked])

    def again(self, mutant: Difference) -> Evaluation | None:
        """Return the evaluation with a mutant in the place of its original; None where nothing comes out otherwise."""
        done: list[Determination] = []
        different: set[str] = set()
        for one in self.asked:
            held = one.determination
            if held.plan.reference == mutant.plan.reference:
                found = self._mutated(one, mutant, done)
            elif different & held.plan.depends_on:
                found = determine(held.order, held.plan, one.environment, done, known=_apart_from_others(held))
            else:
                found = None
            if found is not None:
                different.add(held.plan.canonical)
            done.append(found or held)
        return replace(self.evaluation, determinations=tuple(done)) if different else None

    def _mutated(self, one: _Asked, mutant: Difference, done: list[Determination]) -> Determination | None:
        held = one.determination
        if not held.results:  # refused by its life cycle, as its original is
            return None
        moved = bool(mutant.parameters) or any(_moved(one, *pair) for pair in mutant.variables)
        again = mutant.criteria | mutant.dependent if moved else mutant.criteria
        if not moved and not mutant.shape and not self._answers_differ(one, mutant):
            return None
        plan = replace(mutant.plan, parameters=parameters_of(mutant.plan, self.run.case.parameters))
        environment = one.environment
        if moved:
            values = {name: (plan.parameters[name].value,) for name in mutant.parameters}
            environment = environment.but_for(mutant.names, values=values, defined=plan.variables)
        known = {
            criterion.id: replace(held.result(criterion.id), criterion=criterion)
            for criterion in plan.walk()
            if criterion.id not in again and not criterion.parts
        }
        return determine(held.order, plan, environment, done, known=known)

    def _answers_differ(self, one: _Asked, mutant: Difference) -> bool:
        """Whether a changed expression answers otherwise, of those that were asked at all."""
        held = {result.criterion.id: result for result in one.determination.results}
        for criterion in mutant.plan.walk():
            if criterion.id not in mutant.criteria:
                continue
            result = held[criterion.id]
            old = result.criterion
            if old.determination_of != criterion.determination_of or criterion.parts:
                return True
            if _differ(one, old.support, criterion.support) or _differ(one, old.refute, criterion.refute):
                return True
            if result.state is None and _reasons_differ(one, old.unknown_because, criterion.unknown_because):
                return True
        return False


def before(run: Run, policies: Policies) -> Before:
    """Return a run with the policies as they are, and what it takes to ask them again."""
    record, drafts = record_of(run.exchange)
    asked = with_parameters(policies, run.case.parameters)
    orders = read_orders(drafts, asked, record, received=RECEIVED, as_of=run.case.as_of)
    evaluation = run.evaluate(policies)
    places = {order.path: order for order in orders.covered}
    found = []
    for one in evaluation.determinations:
        order = places[one.order.path]
        chart = Chart(record, order.as_of, orders.drafts)
        environment = environment_of(order, one.plan, chart, orders)
        found.append(_Asked(one, environment))
    return Before(run, evaluation, tuple(found))


def _apart_from_others(held: Determination) -> Mapping[str, CriterionResult]:
    """What a determination found by itself: all criteria but groups and those that read another determination."""
    return {
        one.criterion.id: one
        for one in held.results
        if not one.criterion.parts and one.criterion.determination_of is None
    }


def _moved(one: _Asked, old: Expression, new: Expression) -> bool:
    """Whether a variable holds something else than before."""
    return bool(_remembered(one, old, _located) != _guarded(lambda: _located(new, one.environment)))


def _differ(one: _Asked, old: Expression | None, new: Expression | None) -> bool:
    if old is new:
        return False
    if old is None or new is None:
        return True
    return bool(_remembered(one, old, _answered) != _guarded(lambda: _answered(new, one.environment)))


def _reasons_differ(one: _Asked, old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    if [reason for reason, _ in old] != [reason for reason, _ in new]:
        return True
    return any(_differ(one, first, second) for (_, first), (_, second) in zip(old, new, strict=True))


def _remembered(one: _Asked, expression: Expression, ask: Callable[[Expression, Environment], Any]) -> Any:
    if id(expression) not in one.told:
        one.told[id(expression)] = _guarded(lambda: ask(expression, one.environment))
    return one.told[id(expression)]


def _located(expression: Expression, environment: Environment) -> Any:
    return [(item, str(place)) for item, place in expression.located(environment)]


def _answered(expression: Expression, environment: Environment) -> Any:
    holds, places = expression.answer(environment)
    return holds, [str(place) for place in places]


def _guarded(ask: Callable[[], Any]) -> Any:
    """Return an answer, or the fault that takes its place, in a form that can be compared."""
    try:
        return ask()
    except EvaluationError as error:
        return type(error), str(error)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        return type(fault), ""

"""A payer's side of an answer: which Coverage it is about, and what is said of each order under it.

Source: Da Vinci CRD 2.0.1 and 2.2; design decisions of docs/explanation/coverage_information.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_service.cds_hooks import Action
from cds_service.crd import (
    Call,
    Coverages,
    Insurance,
    Problem,
    Terms,
    find_orders,
    in_scope,
    system_actions,
)
from cds_service.errors import CoverageNotUsable, RequiredDataUnavailable
from cds_service.plan_definition.data_requirements import coverage_query
from cds_service.services.evaluation import Evaluation
from cds_service.services.needs import Answered

__all__ = ["Payer"]

_NOT_READ = "the Coverage could not be read: send it in prefetch"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, and on which terms."""

    identifiers: frozenset[tuple[str, str]]
    terms: Terms = field(default_factory=Terms)
    strict: bool = False
    """Whether a request without one usable Coverage is refused; else it gets its cards, and no assertion."""

    def actions(
        self, evaluation: Evaluation, call: Call, body: bytes, answered: Answered, *, patient_id: str
    ) -> tuple[Action, ...]:
        """Return an update of each order in scope with what is said of it, as far as that is new.

        Raises RequiredDataUnavailable or CoverageNotUsable where the payer is strict. Source: CRD hook-13, resp-29.
        """
        record = evaluation.record
        scope = in_scope(evaluation.determinations, evaluation.not_covered, record, call, as_of=evaluation.as_of)
        if not scope:
            return ()
        insurance = Insurance.of(record, self.identifiers)
        coverages = {one.carrier: insurance.on(one.as_of, one.request) for one in scope}
        if self.strict:
            for one in coverages.values():
                _refuse(one, patient_id)
        pages = (page for one in answered.values() for page in one.pages)
        return system_actions(scope, find_orders(body, coverages.keys(), pages), coverages, self.terms, call)


def _refuse(coverages: Coverages, patient_id: str) -> None:
    match coverages.problem:
        case Problem.NOT_READ:
            raise RequiredDataUnavailable((coverage_query(patient_id),), _NOT_READ)
        case Problem() as problem if problem.reason_code is None:
            raise CoverageNotUsable(str(problem))

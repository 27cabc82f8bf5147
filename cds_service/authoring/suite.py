"""All cases of a folder of policies, each in each of its shapes, made ready once and run as often as wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cds_service.authoring.cases import Case, Fixture, case_exchange, check, evaluate_case, set_up
from cds_service.fhir.values import Code, codes_of
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, Exchange

__all__ = ["Result", "Run", "Suite", "runs_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A case in one shape of evidence."""

    case: Case
    shape: str
    exchange: Exchange

    @property
    def name(self) -> str:
        """Return `id/shape`."""
        return f"{self.case.id}/{self.shape}"

    def evaluate(self, policies: Policies) -> Evaluation:
        """Return what the policies determine."""
        return evaluate_case(self.case, self.exchange, policies)

    def differences(self, policies: Policies) -> Iterator[str]:
        """Yield what the policies determine otherwise than the case expects."""
        return check(self.case, self.evaluate(policies))

    def ordered(self) -> frozenset[Code]:
        """Return the codes that are ordered."""
        return frozenset(code for draft in self.exchange.drafts for code in codes_of(draft.get("code")))


Suite: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came out of a run, and how it differs from what the case expects."""

    run: Run
    evaluation: Evaluation
    differences: tuple[str, ...]


def runs_of(cases: Iterable[Case], fixture: Fixture) -> Suite:
    """Return every case in every shape, with its chart. Raises ContentError for a change that changes nothing."""
    return tuple(
        Run(case, shape, case_exchange(set_up(case, shape, fixture))) for case in cases for shape in case.shapes
    )

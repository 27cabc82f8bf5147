"""Determinations of one order → what the payer asserts of it under one Coverage: the least favourable of them.

Only a Coverage makes an order `not-covered`: one that has ended, or of a member whom nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote
from uuid import UUID, uuid5

from cds_service.crd.answers import answer_to
from cds_service.crd.coverage import Problem, period_end
from cds_service.crd.coverage_information import CoverageInformation, Covered, PaNeeded, StatedReason
from cds_service.crd.reasons import reason_of
from cds_service.crd.terms import Call, Terms
from cds_service.fhir.element import Resource, label
from cds_service.fhir.temporal import Date, bounds
from cds_service.necessity.model import Determination, Outcome

__all__ = ["assertion_of", "dependencies_of"]

_NAMESPACE = UUID("0f3c8f1e-6f0c-5b6e-9d0a-2a7d5b1c4e90")


def assertion_of(
    determinations: Sequence[Determination],
    coverage: Resource,
    problem: Problem | None,
    terms: Terms,
    call: Call,
    *,
    dependencies: tuple[str, ...] = (),
) -> CoverageInformation | None:
    """Return what is asserted of one order; None where no policy applies to it.

    The ids are made of the Coverage and the determinations: the same again for the same, others for others. Two
    orders that say the same share them, for they are one service.
    """
    answers = {one: answer for one in determinations if (answer := answer_to(one, terms, call)) is not None}
    if not answers:
        return None
    identity = uuid5(_NAMESPACE, " ".join((label(coverage), str(problem), *(one.id for one in answers))))
    said = CoverageInformation(
        coverage=label(coverage),
        covered=max((one.covered for one in answers.values()), key=list(Covered).index),
        pa_needed=max((one.pa_needed for one in answers.values()), key=list(PaNeeded).index),
        reasons=tuple(dict.fromkeys(reason_of(one, answer) for one, answer in answers.items())),
        date=next(iter(answers)).as_of,
        assertion_id=str(identity),
        billing_codes=tuple(dict.fromkeys((one.order.system, one.order.code) for one in answers)),
        expires=_expires(answers, coverage),
    )
    if problem is not None and problem.reason_code is not None:
        reason = StatedReason(f"{problem[0].upper()}{problem[1:]}.", problem.reason_code)
        return replace(said, covered=Covered.NOT_COVERED, pa_needed=None, reasons=(reason,), expires=None)
    asking = [one for one, answer in answers.items() if answer.documents and call.may_ask_for_documents]
    links = (_policy_link(one, terms.policies_url) for one in answers) if terms.policies_url else ()
    return replace(
        said,
        pa_id=str(uuid5(identity, "authorization")) if said.pa_needed is PaNeeded.SATISFIED else None,
        documents=bool(asking),
        questionnaires=_once(terms.questionnaire(one.plan) for one in asking),
        dependencies=dependencies,
        policy_links=_once(links),
        contact=terms.review_contact if any(one.outcome is Outcome.NOT_MET for one in answers) else None,
    )


def dependencies_of(determinations: Iterable[Determination], orders: Mapping[str, str]) -> tuple[str, ...]:
    """Return the other orders, as `Type/id`, that the determinations of one order read.

    `orders` has the order of each ordered code, by the code's path.
    """
    judged = tuple(determinations)
    read = (one for each in judged for one in each.results if one.criterion.determination_of is not None)
    named = _once(orders.get(evidence.path) for one in read for evidence in one.evidence)
    return tuple(one for one in named if "/~" not in one and all(one != each.order.reference for each in judged))


def _policy_link(determination: Determination, base: str) -> str:
    return f"{base}/{quote(determination.plan.group)}#{quote(determination.order.code)}"


def _expires(determinations: Iterable[Determination], coverage: Resource) -> Date | None:
    """Return the last day on which the Coverage and every policy still count, as far as they have one."""
    ends = [period_end(coverage), *(one.plan.effective_to for one in determinations)]
    return min((one for one in ends if one is not None), key=lambda day: bounds(day, False)[1], default=None)


def _once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in values if one is not None))

"""Determinations of one order → what the payer asserts of it under one Coverage: the least favourable of them.

Only a Coverage makes an order `not-covered`: one that is not active.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote
from uuid import UUID, uuid5

from cds_service.crd.answers import answer_to
from cds_service.crd.coverage import Problem, period_end
from cds_service.crd.coverage_information import CoverageInformation, Covered, PaNeeded, StatedReason
from cds_service.crd.in_scope import InScope
from cds_service.crd.reasons import reason_of
from cds_service.crd.terms import Call, Terms
from cds_service.fhir.element import Resource, is_id, label
from cds_service.fhir.encoding import canonical
from cds_service.fhir.temporal import Date, bounds
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.orders import NotJudged

__all__ = ["assertion_of", "assertion_of_coarse", "dependencies_of"]

_NAMESPACE = UUID("0f3c8f1e-6f0c-5b6e-9d0a-2a7d5b1c4e90")
_NO_CODE = "The order has no code that can be read, so that nothing was decided; send its code with its code system."
_NOT_ON_THAT_DAY = "No policy of this code counts on the day of the order, so that nothing was decided; check the day."


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
    answers = {one: answer for one in determinations if (answer := answer_to(one, problem, terms, call)) is not None}
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


def assertion_of_coarse(one: InScope, coverage: Resource) -> CoverageInformation:
    """Return what is asserted of an order that could not be judged: that it depends on what the order does not say.

    Its day may be what is wrong with it, so that it is not held against the Coverage.
    """
    content = {name: value for name, value in one.request.items() if name not in ("extension", "meta")}
    identity = uuid5(_NAMESPACE, f"{label(coverage)} {one.not_judged} {canonical(content).decode()}")
    no_code = one.not_judged is NotJudged.NO_CODE
    return CoverageInformation(
        coverage=label(coverage),
        covered=Covered.CONDITIONAL,
        pa_needed=PaNeeded.CONDITIONAL,
        reasons=(StatedReason(_NO_CODE if no_code else _NOT_ON_THAT_DAY),),
        date=one.as_of,
        assertion_id=str(identity),
        detail_code=no_code,
    )


def dependencies_of(determinations: Iterable[Determination], orders: Mapping[str, str]) -> tuple[str, ...]:
    """Return the other orders, as `Type/id`, that the determinations of one order read.

    `orders` has the order of each ordered code, by the code's path.
    """
    judged = tuple(determinations)
    read = (one for each in judged for one in each.results if one.criterion.determination_of is not None)
    named = _once(orders.get(evidence.path) for one in read for evidence in one.evidence)
    others = (one for one in named if all(one != each.order.reference for each in judged))
    return tuple(one for one in others if is_id(one.partition("/")[2]))


def _policy_link(determination: Determination, base: str) -> str:
    return f"{base}/{quote(determination.plan.group)}#{quote(determination.order.code)}"


def _expires(determinations: Iterable[Determination], coverage: Resource) -> Date | None:
    """Return the last day on which the Coverage and every policy still count, as far as they have one."""
    ends = [period_end(coverage), *(one.plan.effective_to for one in determinations)]
    return min((one for one in ends if one is not None), key=lambda day: bounds(day, False)[1], default=None)


def _once(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in values if one is not None))

"""What is in scope and the orders as they came → one update per order, with coverage-information on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cds_service.cds_hooks import Action
from cds_service.crd.assertion import assertion_of, assertion_of_coarse, dependencies_of
from cds_service.crd.coverage import Coverages
from cds_service.crd.coverage_information import CoverageInformation, extension_of
from cds_service.crd.in_scope import InScope
from cds_service.crd.patch import with_coverage_information
from cds_service.crd.terms import Call, Terms
from cds_service.necessity.model import Determination
from cds_service.necessity.wording import printable

__all__ = ["system_actions"]


def system_actions(
    scope: Sequence[InScope],
    orders: Mapping[str, bytes],
    coverages: Mapping[str, Coverages],
    terms: Terms,
    call: Call,
) -> tuple[Action, ...]:
    """Return the updates of the orders about which there is something new to say, in the order of the scope.

    `orders` holds the text, and `coverages` the Coverages, of each carrier by `Type/id`, as `patch.find_orders` finds
    the one and `Insurance.on` the other. One update says all that is said of an order, for however many Coverages: it
    carries the whole order, so that a second one would undo it. Source: CRD 2.2.1 resp-29, resp-32, resp-35.
    """
    if not call.configuration.wants("coverage-info"):
        return ()
    by_path = {one.order.path: one.order.reference for each in scope for one in each.determinations}

    def said(one: InScope) -> Iterator[CoverageInformation | None]:
        held = coverages[one.carrier]
        others = dependencies_of(one.determinations, by_path)
        for coverage in held.named:
            if one.not_judged is not None:
                yield assertion_of_coarse(one, coverage)
            else:
                yield assertion_of(one.determinations, coverage, held.problem, terms, call, dependencies=others)

    def update(one: InScope) -> Action | None:
        extensions = [extension_of(each, call.version) for each in said(one) if each]
        resource = with_coverage_information(orders[one.carrier], extensions)
        return Action(type="update", description=_description(one), resource=resource) if resource else None

    actions = (update(one) for one in scope if one.carrier in orders)
    return tuple(action for action in actions if action is not None)


def _description(one: InScope) -> str:
    """Return what the update is about: the codes, by their names."""
    return f"Coverage information for {printable(', '.join(_names(one.determinations)) or one.carrier)}"


def _names(determinations: Iterable[Determination]) -> Iterable[str]:
    return dict.fromkeys(f"{_name(one)} ({one.order.code})" for one in determinations)


def _name(determination: Determination) -> str:
    code = determination.order.code
    known = determination.plan.codes.names.get(determination.order.coded, code)
    return known if known != code else determination.plan.name

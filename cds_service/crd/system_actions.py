"""Determinations and the orders as they came → one update per order, with coverage-information on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cds_service.cds_hooks import Action
from cds_service.crd.assertion import assertion_of, dependencies_of
from cds_service.crd.coverage import Coverages
from cds_service.crd.coverage_information import extension_of
from cds_service.crd.patch import with_coverage_information
from cds_service.crd.terms import Call, Terms
from cds_service.crd.versions import Version
from cds_service.fhir.element import label
from cds_service.necessity.model import Determination, Order
from cds_service.necessity.wording import printable

__all__ = ["orders_judged", "system_actions"]


def orders_judged(determinations: Iterable[Determination]) -> frozenset[str]:
    """Return the orders, as `Type/id`, that determinations are about: those that say the same, and what is booked."""
    return frozenset(name for one in determinations for name in (*one.order.references, label(one.order.resource)))


def system_actions(
    determinations: Sequence[Determination],
    orders: Mapping[str, bytes],
    coverages: Coverages,
    terms: Terms,
    call: Call,
) -> tuple[Action, ...]:
    """Return the updates of the orders about which there is something new to say, by the names of the orders.

    `orders` holds the text of each order by `Type/id`, as `patch.find_orders` finds it. One update says all that is
    said of an order, for however many Coverages: it carries the whole order, so that a second one would undo it.
    Source: CRD 2.2.1 resp-29, resp-32, resp-35.
    """
    if not call.configuration.wants("coverage-info"):
        return ()
    about: dict[str, list[Determination]] = defaultdict(list)
    for one in determinations:
        for name in _carriers(one.order, call.version):
            about[name].append(one)
    by_path = {one.order.path: one.order.reference for one in determinations}

    def update(determinations: Sequence[Determination], order: bytes) -> Action | None:
        others = dependencies_of(determinations, by_path)
        said = (
            assertion_of(determinations, one, coverages.problem, terms, call, dependencies=others)
            for one in coverages.named
        )
        resource = with_coverage_information(order, [extension_of(one, call.version) for one in said if one])
        if resource is None:
            return None
        return Action(type="update", description=_description(determinations), resource=resource)

    actions = (update(about[name], order) for name, order in sorted(orders.items()) if name in about)
    return tuple(action for action in actions if action is not None)


def _carriers(order: Order, version: Version) -> tuple[str, ...]:
    """Return what carries what is said of an order: it and those that say the same; for a booking, its request."""
    booked = order.reference.startswith("Appointment/")
    names = (label(order.resource),) if booked and version.request_of_appointment else order.references
    return tuple(name for name in names if name.partition("/")[0] in version.carriers)


def _description(determinations: Sequence[Determination]) -> str:
    """Return what the update is about: the codes, by their names."""
    named = dict.fromkeys(f"{_name(one)} ({one.order.code})" for one in determinations)
    return f"Coverage information for {printable(', '.join(named))}"


def _name(determination: Determination) -> str:
    code = determination.order.code
    known = determination.plan.codes.names.get(determination.order.coded, code)
    return known if known != code else determination.plan.name

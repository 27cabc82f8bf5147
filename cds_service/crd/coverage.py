"""The Coverages in the record: which of them an assertion can be made about, and what stands in the way.

Nothing is taken for granted: a Coverage counts when it says that it is this patient's, that we pay, and that it is
active. It has ended, or is another's, only when it says so; and copies of one that contradict each other say nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cds_service.expressions.logic import Truth, any_of
from cds_service.fhir.element import Resource, is_id, label
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, compare, parse_date_time

__all__ = ["Coverages", "Identifier", "Insurance", "Problem", "payer_identifier", "payers_to_read", "period_end"]

Identifier = tuple[str, str]
"""(system, value)"""


MOST_COVERAGES = 20
"""How many Coverages of a patient that are not cancelled are looked at; nobody could tell which of more is to pay."""


class Problem(StrEnum):
    """Why there is not one Coverage to answer for; the value says it to the client."""

    NOT_READ = "the Coverage could not be read; send it with the request, or let this service read it"
    NO_COVERAGE = "there is no Coverage of this patient; send the one that is to pay"
    SEVERAL = "there is more than one active Coverage of this payer; send the one that is to pay"
    PAYER_UNKNOWN = "the payer of the Coverage is not known; send its Organization, or its identifier in `payor`"
    NOT_OUR_PAYER = "the payer of the Coverage is not served here; ask the service of that payer"
    UNCLEAR = "whether the Coverage is active is not known; send it once, with its `status` and readable dates"
    INACTIVE = "the Coverage is not active on the day of the order"

    @property
    def reason_code(self) -> str | None:
        """Return CRD's code for what can be answered as `not-covered`; None for what leaves nothing to be answered."""
        return "no-active-coverage" if self is Problem.INACTIVE else None


@dataclass(frozen=True, slots=True)
class Coverages:
    """The Coverages that an assertion may name, and the problem with them.

    Without a problem there is exactly one. Several, or an inactive one, are named all the same: it can be said of each
    what holds for it.
    """

    named: tuple[Resource, ...]
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class _Copy:
    """One copy of a Coverage, and what it says of whose it is and who pays."""

    coverage: Resource
    mine: bool
    pays: Truth


@dataclass(frozen=True, slots=True)
class Insurance:
    """The Coverages of the patient that this payer pays for, each in all its copies; else why there are none."""

    record: PatientRecord
    ours: tuple[tuple[_Copy, ...], ...]
    problem: Problem | None = None

    @classmethod
    def of(cls, record: PatientRecord, payers: Collection[Identifier]) -> Insurance:
        """Return what a record holds of the Coverages that one of `payers` pays for. Source: CRD 2.2.1 hook-13."""
        copies: dict[str, list[_Copy]] = defaultdict(list)
        for one in record.of_type("Coverage"):
            if is_id(one.get("id")):
                copies[label(one)].append(_Copy(one, _is_mine(one, record), _pays(one, record, payers)))
        mine = [tuple(group) for group in copies.values() if any(one.mine for one in group)]
        if sum(one.coverage.get("status") != "cancelled" for group in mine for one in group) > MOST_COVERAGES:
            return cls(record, (), Problem.SEVERAL)
        if not mine:
            unseen = record.may_hold_more(("Coverage",))
            return cls(record, (), Problem.NOT_READ if unseen else Problem.NO_COVERAGE)
        ours = tuple(group for group in mine if any(one.pays for one in group))
        if not ours:
            unknown = any(one.pays is None for group in mine for one in group)
            return cls(record, (), Problem.PAYER_UNKNOWN if unknown else Problem.NOT_OUR_PAYER)
        return cls(record, ours)

    def on(self, as_of: Date, order: Resource | None = None) -> Coverages:
        """Return the Coverages that count on a day, for an order: where it names some of these, only those do.

        Source: CRD 2.2.1 hook-13, resp-45; FHIR R4, ServiceRequest.insurance.
        """
        if self.problem is not None:
            return Coverages((), self.problem)
        chosen = _named_by(order or {}, self.record)
        ours = [group for group in self.ours if label(group[0].coverage) in chosen]
        if (order or {}).get("insurance") and not ours:
            return Coverages((), Problem.NOT_OUR_PAYER if chosen else Problem.NOT_READ)
        ours = ours or list(self.ours)
        in_force = [(group[0].coverage, _in_force(group, as_of)) for group in ours]
        active = tuple(one for one, counts in in_force if counts)
        if active:
            return Coverages(active, Problem.SEVERAL if len(active) > 1 else None)
        if any(counts is None for _, counts in in_force):
            return Coverages((), Problem.UNCLEAR)
        return Coverages(tuple(one for one, _ in in_force), Problem.INACTIVE)


def payer_identifier(text: str) -> Identifier:
    """Return what a setting such as `http://hl7.org/fhir/sid/us-npi|1234567893` names. Raises ValueError."""
    system, _, value = text.strip().rpartition("|")
    if not system or not value:
        raise ValueError("a payer is named by `system|value`, as in its Organization.identifier")
    return system, value


def payers_to_read(record: PatientRecord) -> tuple[str, ...]:
    """Return the references to payers that the record does not hold and that say no more of themselves."""
    payors = (payor for one in record.of_type("Coverage") if _is_mine(one, record) for payor in _payors(one))
    open_ones = (payor.get("reference") for payor in payors if _is_payer(payor, record, ()) is None)
    named = {one for one in open_ones if type(one) is str and not one.startswith("#")}
    return tuple(sorted(one for one in named if record.resolve(one) is None))


def period_end(coverage: Resource) -> Date | None:
    """Return the last day of a Coverage, as far as it is stated."""
    return _day(coverage, "end")


def _is_mine(coverage: Resource, record: PatientRecord) -> bool:
    return record.is_about_patient(coverage.get("beneficiary")) is True and coverage.get("status") != "entered-in-error"


def _named_by(order: Resource, record: PatientRecord) -> frozenset[str]:
    """Return the Coverages, as `Type/id`, that an order says are to pay for it; what it contains is none of them."""
    held = order.get("insurance")
    found = (record.resolve(one, order) for one in (held if type(held) is list else (held,)))
    return frozenset(label(one) for one in found if one is not None and record.container(one) is None)


# -- who pays -------------------------------------------------------------------------------------------------


def _pays(coverage: Resource, record: PatientRecord, payers: Collection[Identifier]) -> Truth:
    """Return whether one of `payers` pays; None where that cannot be told."""
    return any_of([_is_payer(payor, record, payers) for payor in _payors(coverage)] or [None])


def _is_payer(payor: Resource, record: PatientRecord, payers: Collection[Identifier]) -> Truth:
    identifiers = set(_identifiers(payor, record))
    if not identifiers:
        target = record.resolve(payor)
        return None if target is None or target["resourceType"] == "Organization" else False
    return not identifiers.isdisjoint(payers)


def _payors(coverage: Resource) -> Iterator[Resource]:
    payors = coverage.get("payor")
    yield from (one for one in (payors if type(payors) is list else ()) if type(one) is dict)


def _identifiers(payor: Resource, record: PatientRecord) -> Iterator[Identifier]:
    """Yield the identifiers of a payer: those in the reference itself, then those of the Organization it points to."""
    organization = record.resolve(payor)
    held = organization.get("identifier") if organization is not None else None
    for one in (payor.get("identifier"), *(held if type(held) is list else ())):
        if type(one) is dict and type(one.get("system")) is str and type(one.get("value")) is str:
            yield one["system"], one["value"]


# -- whether it counts ----------------------------------------------------------------------------------------


def _in_force(copies: Collection[_Copy], day: Date) -> Truth:
    """Return whether a Coverage is in force on a day; None also where its copies do not say the same."""
    said = {(one.mine, one.pays, _is_active(one.coverage, day), period_end(one.coverage)) for one in copies}
    return said.pop()[2] if len(said) == 1 else None


def _is_active(coverage: Resource, day: Date) -> Truth:
    """Return whether a Coverage is in force on a day, both ends included; None where it does not say."""
    if coverage.get("modifierExtension"):
        return None  # it may mean anything. Source: FHIR R4 2.4, Extensibility
    status = coverage.get("status")
    if status in ("cancelled", "draft"):
        return False
    start, end = _day(coverage, "start"), _day(coverage, "end")
    if (start and compare(day, start) == -1) or (end and compare(day, end) == 1):
        return False
    return True if status == "active" and _is_readable(coverage.get("period")) else None


def _is_readable(period: object) -> bool:
    """Return whether every end of a period that is stated can be read."""
    if period is None:
        return True
    stated = [period[name] for name in ("start", "end") if name in period] if isinstance(period, Mapping) else [None]
    return all(type(one) is str and parse_date_time(one) is not None for one in stated)


def _day(coverage: Resource, name: str) -> Date | None:
    period = coverage.get("period")
    written = period.get(name) if isinstance(period, Mapping) else None
    moment = parse_date_time(written) if type(written) is str else None
    return moment.date() if moment else None

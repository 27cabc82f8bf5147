"""The Coverages in the record: which of them an assertion can be made about, and what stands in the way.

Nothing is taken for granted: a Coverage counts when it says that it is this patient's, that we pay, and that it is
active. It has ended, or is another's, only when it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cds_service.expressions.logic import Truth, any_of
from cds_service.fhir.element import Resource, label
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, compare, parse_date_time

__all__ = ["Coverages", "Identifier", "Problem", "payer_identifier", "payers_to_read", "period_end", "read_coverages"]

Identifier = tuple[str, str]
"""(system, value)"""


MOST_COVERAGES = 20
"""How many Coverages of a patient are looked at; nobody could tell which of more is to pay."""


class Problem(StrEnum):
    """Why there is not one Coverage to answer for; the value says it to the client."""

    NOT_READ = "the Coverage could not be read; send it with the request, or let this service read it"
    NO_COVERAGE = "there is no Coverage of this patient; send the one that is to pay"
    SEVERAL = "there is more than one active Coverage of this payer; send the one that is to pay"
    PAYER_UNKNOWN = "the payer of the Coverage is not known; send its Organization, or its identifier in `payor`"
    NOT_OUR_PAYER = "the payer of the Coverage is not served here; ask the service of that payer"
    UNCLEAR = "whether the Coverage is active is not known; send its `status` and readable dates"
    INACTIVE = "the Coverage is not active on the day of the order"
    UNKNOWN_MEMBER = "the Coverage names no member that is known here"

    @property
    def reason_code(self) -> str | None:
        """Return CRD's code for what can be answered as `not-covered`; None for what leaves nothing to be answered."""
        return _REASON_CODES.get(self)


_REASON_CODES = {Problem.INACTIVE: "no-active-coverage", Problem.UNKNOWN_MEMBER: "no-member-found"}


@dataclass(frozen=True, slots=True)
class Coverages:
    """The Coverages that an assertion may name, and the problem with them.

    Without a problem there is exactly one. Several, an inactive one or one of an unknown member are named all the
    same: it can be said of each what holds for it.
    """

    named: tuple[Resource, ...]
    problem: Problem | None


def read_coverages(
    record: PatientRecord,
    payers: Collection[Identifier],
    as_of: Date,
    *,
    is_member: Callable[[Resource], bool] | None = None,
) -> Coverages:
    """Return the Coverages of the patient that one of `payers` pays for on a day.

    `is_member` tells whether the payer knows the member that a Coverage names; without it every member counts.
    Source: CRD 2.2.1 hook-13, resp-44, resp-45.
    """
    mine = [one for one in record.of_type("Coverage") if _is_mine(one, record)]
    if len(mine) > MOST_COVERAGES:
        return Coverages((), Problem.SEVERAL)
    if not mine:
        unseen = record.may_hold_more(("Coverage",))
        return Coverages((), Problem.NOT_READ if unseen else Problem.NO_COVERAGE)
    paid = [(one, _pays(one, record, payers)) for one in mine]
    ours = [one for one, pays in paid if pays]
    if not ours:
        unknown = any(pays is None for _, pays in paid)
        return Coverages((), Problem.PAYER_UNKNOWN if unknown else Problem.NOT_OUR_PAYER)
    in_force = [(one, _is_active(one, as_of)) for one in ours]
    active = [one for one, counts in in_force if counts]
    if not active:
        unclear = any(counts is None for _, counts in in_force)
        return Coverages((), Problem.UNCLEAR) if unclear else Coverages(_once(ours), Problem.INACTIVE)
    members = [one for one in active if is_member is None or is_member(one)]
    if not members:
        return Coverages(_once(active), Problem.UNKNOWN_MEMBER)
    named = _once(members)
    return Coverages(named, Problem.SEVERAL if len(named) > 1 else None)


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
    return (
        record.is_about_patient(coverage.get("beneficiary")) is True
        and type(coverage.get("id")) is str
        and coverage.get("status") != "entered-in-error"
    )


def _once(coverages: Iterable[Resource]) -> tuple[Resource, ...]:
    return tuple({label(one): one for one in coverages}.values())


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


def _is_active(coverage: Resource, day: Date) -> Truth:
    """Return whether a Coverage is in force on a day, both ends included; None where it does not say."""
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

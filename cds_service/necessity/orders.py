"""Draft orders → one Order per ordered code that a policy decides on, and what no policy decides on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cds_service.errors import TooManyOrders
from cds_service.fhir.element import Resource, label
from cds_service.fhir.encoding import canonical
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, add, compare, parse_date_time
from cds_service.necessity.model import Order
from cds_service.necessity.order_subject import Whose, whose
from cds_service.necessity.ordered_codes import OrderedCode, code_references, ordered_codes
from cds_service.plan_definition.compile import ORDER_TYPES
from cds_service.plan_definition.policies import Policies

__all__ = ["MAX_ORDERS", "NotCovered", "NotJudged", "Orders", "read_orders", "reference_date"]

_NOT_TO_BE_DONE = ("revoked", "cancelled", "stopped", "entered-in-error", "completed", "fulfilled", "noshow")
_OTHER_REQUESTS = ("CarePlan", "Claim", "ImmunizationRecommendation", "RequestGroup", "SupplyRequest", "Task")
"""Types that order something, too, and whose codes are not read. Source: FHIR R4, Request pattern."""
MAX_ORDERS = 200
"""How many orders are read at a time, and how many of their codes are judged: no more than a second or two takes."""
_AUTHORED = ("authoredOn", "dateTime", "dateWritten", "created")
"""The day of an order, in the words of each type."""


class NotJudged(StrEnum):
    """Why there is no determination for a draft order."""

    NO_POLICY = "no policy decides on this code"
    LOCAL_CODE = "a code of systems that no policy knows"
    NO_CODE = "no code with its system, or a code as text only"
    NOT_TO_BE_DONE = "not to be performed"
    OTHER_PATIENT = "names another patient"
    NOT_HAD = "was not sent, and could not be read"
    UNREADABLE = "what stands there is no order that can be read"
    OTHER_TYPE = "a type of order whose codes are not read"
    SUBJECT_UNCLEAR = "does not say readably whose it is"
    NOT_UNDERSTOOD = "an extension changes its meaning"
    NOT_ON_THAT_DAY = "the policies of this code do not count on the day of the order"


_LEAVES_OPEN = frozenset(NotJudged) - {NotJudged.NO_POLICY, NotJudged.NOT_TO_BE_DONE, NotJudged.OTHER_PATIENT}
"""What may stand for any order, so that nothing can be said not to be ordered."""


_NOT_OURS = {Whose.ANOTHERS: NotJudged.OTHER_PATIENT, Whose.UNCLEAR: NotJudged.SUBJECT_UNCLEAR}


@dataclass(frozen=True, slots=True)
class NotCovered:
    """A draft order without a determination."""

    reference: str
    code: str | None
    reason: NotJudged


@dataclass(frozen=True, slots=True)
class Orders:
    """What was ordered, sorted by what a policy decides on."""

    covered: tuple[Order, ...]
    not_covered: tuple[NotCovered, ...]
    drafts: tuple[Resource, ...]
    whole: bool = True
    """Whether nothing else is ordered, so that what is not among them is not ordered."""


def read_orders(
    drafts: Iterable[Resource],
    policies: Policies,
    record: PatientRecord,
    *,
    received: Date,
    as_of: Date | None = None,
    whole: bool = True,
) -> Orders:
    """Return the orders in `drafts`. Several codings of one code are synonyms: each with a policy is an order.

    `whole` says that the drafts are all that is ordered; they are not where one of them cannot be judged.
    The reference date of an order is `as_of`, else the day it was authored unless that is still to come, else the day
    it was `received`.
    A second order of the same day that says the same is not evaluated again; the earlier one lists it.
    An order that names another patient is none of this patient's: it is not judged, nor read beside the others.
    Raises TooManyOrders.
    """
    every = tuple(drafts)
    requests = tuple(one for one in every if one.get("resourceType") in ORDER_TYPES)
    otherwise = [one for one in every if _orders_otherwise(one) and not _is_about(one, requests, record)]
    if len(requests) > MAX_ORDERS or len(otherwise) > MAX_ORDERS:
        raise TooManyOrders("orders", MAX_ORDERS)
    reading = _Reading(policies, record, received, as_of, frozenset(map(id, every)))
    mine = tuple(one for one in requests if reading.accept(one))
    reading.not_covered.extend(NotCovered(label(one), None, NotJudged.OTHER_TYPE) for one in otherwise)
    for request in mine:
        reading.take(request)
    if len(reading.covered) > MAX_ORDERS:
        raise TooManyOrders("ordered codes that a policy decides on", MAX_ORDERS)
    open_ends = any(one.reason in _LEAVES_OPEN for one in reading.not_covered)
    return Orders(tuple(reading.covered.values()), tuple(reading.not_covered), mine, whole and not open_ends)


@dataclass(frozen=True, slots=True)
class _Reading:
    policies: Policies
    record: PatientRecord
    received: Date
    as_of: Date | None
    drafts: frozenset[int]
    """All drafts, by their identity."""
    covered: dict[tuple[str, str, Date, bytes], Order] = field(default_factory=dict)
    not_covered: list[NotCovered] = field(default_factory=list)

    def accept(self, request: Resource) -> bool:
        """Return whether an order is looked at; one that is not is noted."""
        refused = _refusal(request, self.record)
        if refused is not None:
            self.not_covered.append(NotCovered(label(request), None, refused))
        return refused is None

    def take(self, request: Resource) -> None:
        """Note what an order orders, and what of it is not judged."""
        reference = label(request)
        if not _is_to_be_done(request):
            self.not_covered.append(NotCovered(reference, None, NotJudged.NOT_TO_BE_DONE))
            return
        missing = _orders_not_had(request, self.record)
        self.not_covered.extend(NotCovered(one, None, NotJudged.NOT_HAD) for one in missing)
        day = self.as_of or _written(request, self.received) or self.received
        every = [*ordered_codes(request, self.record)]
        coded = [one for one in every if self._counts(one, request)]
        for inside in {id(one.request): one.request for one in every if not self._counts(one, request)}.values():
            if id(inside) not in self.drafts:  # those are told by themselves
                name = label(inside) if self.record.container(inside) is None else reference
                why = _refusal(inside, self.record) or NotJudged.NOT_TO_BE_DONE
                self.not_covered.append(NotCovered(name, None, why))
        found = [one for one in coded if self.policies.on((one.system, one.code), day)]
        if found:
            self._cover(found, request, day)
        elif not (missing or _based_on(request, self.record)):
            told = next((one.code for one in coded if one.system), None)
            self.not_covered.append(NotCovered(reference, told, _why_not(coded, self.policies)))

    def _counts(self, one: OrderedCode, request: Resource) -> bool:
        other = one.request
        return other is request or (_is_to_be_done(other) and _refusal(other, self.record) is None)

    def _cover(self, found: Sequence[OrderedCode], request: Resource, day: Date) -> None:
        reference, what = label(request), _what(request)
        is_theirs = self._is_surely_theirs(request, [one.request for one in found])
        for one in found:
            same = (one.system, one.code, day, what)
            earlier = self.covered.get(same)
            if earlier is None:
                self.covered[same] = Order(
                    one.request, reference, one.path, one.system, one.code, one.coding, day, is_theirs=is_theirs
                )
            elif reference not in earlier.references:
                self.covered[same] = replace(earlier, duplicates=(*earlier.duplicates, reference))

    def _is_surely_theirs(self, request: Resource, found: Iterable[Resource]) -> bool:
        """Return whether an order, and every request that an appointment is based on, is judged and the patient's."""
        judged = {id(one): one for one in (request, *found)}
        based_on = {id(one) for one in _based_on(request, self.record)}
        return (
            based_on <= judged.keys()
            and not _orders_not_had(request, self.record)
            and all(whose(one, self.record) is Whose.THEIRS for one in judged.values())
        )


def _why_not(coded: Sequence[OrderedCode], policies: Policies) -> NotJudged:
    if any(policies.for_code((one.system, one.code)) for one in coded):
        return NotJudged.NOT_ON_THAT_DAY
    if not any(one.system for one in coded) or any(policies.may_mean(one.code, one.system) for one in coded):
        return NotJudged.NO_CODE
    return NotJudged.NO_POLICY if any(policies.knows(one.system) for one in coded) else NotJudged.LOCAL_CODE


def _orders_otherwise(resource: Resource) -> bool:
    return resource.get("resourceType") in _OTHER_REQUESTS and _is_to_be_done(resource)


def _is_about(other: Resource, requests: Sequence[Resource], record: PatientRecord) -> bool:
    """Return whether a Task, a RequestGroup or a CarePlan orders nothing but what is among these requests anyway."""
    named = [
        other.get("focus"),
        *_ordered_by(other.get("action"), "resource"),
        *_ordered_by(other.get("activity"), "reference"),
    ]
    found = [record.resolve(one, other) for one in named if one is not None]
    drafts = {id(one) for one in requests}
    return bool(found) and all(one is not None and id(one) in drafts for one in found)


def _ordered_by(parts: object, name: str) -> Iterator[object]:
    """Yield what the actions of a group, or the activities of a plan, name; a part that names nothing yields itself."""
    for part in parts if isinstance(parts, list) else ():
        inner = [*_ordered_by(part.get("action"), name)] if isinstance(part, Mapping) else []
        yield from inner or ((part.get(name) or part,) if isinstance(part, Mapping) else (part,))


def _orders_not_had(request: Resource, record: PatientRecord) -> list[str]:
    """Return the references to requests that an appointment is based on and that are nowhere."""
    if request.get("resourceType") != "Appointment":
        return []
    return [one for one in dict.fromkeys(code_references(request)) if record.resolve(one, request) is None]


def _based_on(request: Resource, record: PatientRecord) -> list[Resource]:
    """Return the requests that an appointment is based on, as far as they are here."""
    if request.get("resourceType") != "Appointment":
        return []
    return [
        one for name in dict.fromkeys(code_references(request)) if (one := record.resolve(name, request)) is not None
    ]


def _refusal(request: Resource, record: PatientRecord) -> NotJudged | None:
    """Return why an order is not even looked at.

    What an extension that is not understood may have turned into something else is not processed. Source: FHIR R4 2.4,
    Extensibility (modifierExtension).
    """
    return NotJudged.NOT_UNDERSTOOD if request.get("modifierExtension") else _NOT_OURS.get(whose(request, record))


def _is_to_be_done(request: Resource) -> bool:
    return request.get("doNotPerform") is not True and request.get("status") not in _NOT_TO_BE_DONE


def reference_date(request: Resource) -> Date | None:
    """Return the day on which a request was authored, or None if the day is not stated."""
    for name in _AUTHORED:
        written = request.get(name)
        moment = parse_date_time(written) if type(written) is str else None
        if moment and moment.date().full:
            return moment.date()
    return None


def _written(request: Resource, received: Date) -> Date | None:
    """Return the day of a request, unless it is still to come: what has not happened by then would count.

    The day after the one of receipt is today somewhere.
    """
    day, tomorrow = reference_date(request), add(received, 1, "day")
    return None if day and tomorrow and compare(day, tomorrow) == 1 else day


def _what(request: Resource) -> bytes:
    """Return what makes two orders of one day the same order: everything but their identity and their time."""
    ignored = ("id", "identifier", "meta", "text", *_AUTHORED)
    return canonical({key: value for key, value in request.items() if key not in ignored})

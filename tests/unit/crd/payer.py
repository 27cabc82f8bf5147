"""A payer for tests: a Coverage, a call, and what is said of an order. No payer, patient or policy here is real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.crd.assertion import assertion_of
from cds_service.crd.configuration import Configuration
from cds_service.crd.coverage import Problem
from cds_service.crd.coverage_information import extension_of
from cds_service.crd.terms import Call, Terms
from cds_service.crd.versions import VERSIONS
from cds_service.fhir.bundle import Holding
from cds_service.fhir.unread import Unread, Why
from cds_service.necessity.model import Determination
from cds_service.services.evaluation import evaluate, exchange_of
from tests.unit.necessity.judging import ME, RECEIVED, finding, judge, order
from tests.unit.plan_definition.plans import APPROVED, BROKEN, Json, compiled, criterion, plan, says

PAYER = ("https://example.org/payers", "1")
FITS = criterion("fits", "code-fit", says("fits"), says("misfits"))
SCOPE = criterion("scope", "scope", says("widget"), says("gadget"))


def coverage(name: str = "cov1", **more: Any) -> Json:
    payor = [{"identifier": {"system": PAYER[0], "value": PAYER[1]}}]
    return {
        "resourceType": "Coverage",
        "id": name,
        "status": "active",
        "beneficiary": ME,
        "payor": payor,
        **more,
    }


def determined(*chart: Json, criteria: Sequence[Json] = (BROKEN,), **more: Any) -> Determination:
    """Return the determination of one order of a widget by an approved policy."""
    (found,) = judge(compiled(plan(*criteria, **APPROVED)), order(intent="order"), *chart, **more).determinations
    return found


def with_a_failed_search() -> Determination:
    """Return the determination of an order whose chart could not be read."""
    chart = Holding(unread=[Unread("prefetch.findings", Why.FAILED, "Observation")])
    exchange = exchange_of("p1", [order(intent="order")], chart)
    (found,) = evaluate(exchange, compiled(plan(**APPROVED)), received=RECEIVED).determinations
    return found


MET = determined(finding("broken"))
NOT_MET = determined(finding("intact"))
MISFIT = determined(
    finding("broken"), finding("misfits", name="f2"), criteria=(criterion("broken", "required", says("broken")), FITS)
)
MISSING = determined()
OUTSIDE = determined(finding("gadget"), criteria=(SCOPE, BROKEN))
UNREAD = with_a_failed_search()
(REFUSED,) = judge(compiled(plan()), order(), production=True).determinations
(DRAFT,) = judge(compiled(plan()), order(), finding("broken")).determinations


def call(version: str = "2.2", hook: str = "order-sign", *off: str, unread: Sequence[Unread] = ()) -> Call:
    return Call(hook, VERSIONS[version], Configuration(frozenset(off)), tuple(unread))


def said(
    *determinations: Determination,
    asked: Call | None = None,
    terms: Terms | None = None,
    problem: Problem | None = None,
    about: Json | None = None,
) -> dict[str, list[Any]]:
    """Return the values of the extension, by the name of their part; nothing where nothing is said."""
    asked = asked or call()
    found = assertion_of(determinations, about or coverage(), problem, terms or Terms(), asked)
    return values(extension_of(found, asked.version)) if found else {}


def values(extension: Json) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in extension["extension"]:
        (value,) = [held for name, held in part.items() if name != "url"]
        found.setdefault(part["url"], []).append(value)
    return found

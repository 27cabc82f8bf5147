"""Files instead of a hook: a Bundle, or orders beside a chart → an exchange as a hook would have brought it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cds_service.errors import MalformedRequest, NothingToEvaluate
from cds_service.fhir.bundle import Holding, read
from cds_service.fhir.element import Resource
from cds_service.plan_definition.compile import ORDER_TYPES
from cds_service.services.evaluation import Exchange, exchange_of

__all__ = ["exchange_of_bundle", "exchange_of_orders"]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def exchange_of_bundle(bundle: object, *, patient_id: str | None = None) -> Exchange:
    """Return the exchange that a Bundle of any type holds: its drafts are the orders, all else is the chart.

    Raises NothingToEvaluate when there is no draft order, and MalformedRequest when the patient is not clear.
    """
    found = _with_ids(read(bundle))
    drafts = [one for one in found.resources if _is_request(one) and one.get("status") == "draft"]
    return _exchange(drafts, found, patient_id)


def exchange_of_orders(orders: Iterable[object], chart: Iterable[object], *, patient_id: str | None = None) -> Exchange:
    """Return the exchange of orders (requests, or Bundles of them, in any status) and a chart (Bundles).

    Raises as `exchange_of_bundle` does.
    """
    ordered = _with_ids(read(list(orders), place="order"))
    found = _with_ids(read(list(chart), place="chart"))
    requests = [one for one in ordered.resources if _is_request(one)]
    found.resources += [one for one in ordered.resources if not _is_request(one)]
    found.full_urls.update(ordered.full_urls)
    found.unread += ordered.unread
    return _exchange(requests, found, patient_id)


def _exchange(drafts: list[Resource], found: Holding, chosen: str | None) -> Exchange:
    if not drafts:
        raise NothingToEvaluate("there is no order to evaluate; an order is a request with the status `draft`")
    patient = chosen.removeprefix("Patient/") if chosen else _patient(drafts, found)
    mine = [one for one in drafts if _subject(one, found) in (patient, None)]
    if not mine:
        raise NothingToEvaluate("no order is for the patient of the chart; name whose orders count with --patient")
    ordered = {id(one) for one in drafts}
    chart = replace(found, resources=[one for one in found.resources if id(one) not in ordered])
    return exchange_of(patient, mine, chart)


def _is_request(resource: Resource) -> bool:
    return resource.get("resourceType") in ORDER_TYPES


def _patient(drafts: Iterable[Resource], found: Holding) -> str:
    """Return the id of the only Patient there is, else of the only subject that the orders name."""
    patients = {one["id"] for one in found.resources if one["resourceType"] == "Patient" and type(one.get("id")) is str}
    subjects = {subject for subject in (_subject(one, found) for one in drafts) if subject}
    for candidates in (patients, subjects):
        if len(candidates) == 1:
            return str(candidates.pop())
    raise MalformedRequest("", "it is not clear who the patient is; name one with --patient")


def _subject(request: Resource, found: Holding) -> str | None:
    """Return the id of the patient a request is for, or None if it does not say."""
    subject = request.get("subject") or request.get("patient")
    reference = subject.get("reference") if type(subject) is dict else None
    if type(reference) is not str:
        return None
    target = found.full_urls.get(reference)
    if target is not None:
        return str(target.get("id"))
    kind, _, name = reference.partition("/_history/")[0].rpartition("/")
    return name if kind.rpartition("/")[2] == "Patient" else None


def _with_ids(holding: Holding) -> Holding:
    """Give what has no id the one that its fullUrl ends in, as the entries of a transaction have it."""
    named: dict[int, dict[str, Any]] = {}
    for url, resource in holding.full_urls.items():
        name = re.split(r"[/:]", url)[-1]
        if not resource.get("id") and _ID.fullmatch(name):
            named[id(resource)] = {**resource, "id": name}
    return replace(
        holding,
        resources=[named.get(id(one), one) for one in holding.resources],
        full_urls={url: named.get(id(one), one) for url, one in holding.full_urls.items()},
    )

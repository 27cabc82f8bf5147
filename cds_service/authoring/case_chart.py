"""A case → its chart and its draft orders: the base in one shape of evidence, with the changes that the case makes."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cds_service.authoring.case_format import Case, Copy
from cds_service.errors import ContentError
from cds_service.fhir.element import locate, remove
from cds_service.fhir.values import CPT_SYSTEMS

__all__ = ["Chart", "Fixture", "set_up"]

Fixture = Callable[[str], Any]
"""Path below the fixtures → its JSON, freshly parsed."""

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


@dataclass(slots=True)
class Chart:
    """A case made ready to run: the draft orders and the chart, free to be changed further."""

    patient_id: str
    drafts: list[dict[str, Any]]
    resources: list[dict[str, Any]]

    def everything(self) -> list[dict[str, Any]]:
        """Return drafts and chart together."""
        return [*self.drafts, *self.resources]


def set_up(case: Case, shape: str, fixture: Fixture) -> Chart:
    """Return the chart of a case in one shape. Raises ContentError where a change finds nothing to change."""
    request = fixture(f"cds_hooks/{case.base}-order-sign.json")
    patient_id = request["context"]["patientId"]
    templates = [entry["resource"] for entry in request["context"]["draftOrders"]["entry"]]
    bundle = fixture(f"patients/{case.base}-{shape}.json")
    chart = Chart(
        patient_id,
        [_order(code, case.orders[:i].count(code), templates) for i, code in enumerate(case.orders)],
        [entry["resource"] for entry in bundle["entry"]],
    )
    touched = [_take_away(chart, pattern) for pattern in case.remove]
    touched += [_put(chart, path, value) for path, value in case.set.items()]
    touched += [_again(chart, one) for one in case.copy]
    if touched and not any(touched):
        raise ContentError(
            f"{case.id}: `remove`, `set` and `copy` find nothing to change in patients/{case.base}-{shape}.json"
        )
    for one in case.add:
        added = copy.deepcopy(dict(one))
        if added["resourceType"] not in ("Patient", "Device", "Medication"):
            added.setdefault("subject", {"reference": f"Patient/{patient_id}"})
        chart.resources.append(added)
    return chart


def _order(code: str, earlier: int, templates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the base's order of that code, or its first order with the code put in its place; `-2` for a second."""
    found = next((one for one in templates if one["code"]["coding"][0]["code"] == code), None)
    order = copy.deepcopy(dict(found or templates[0]))
    if found is None:
        order |= {"id": f"order-{code}", "code": {"coding": [{"system": CPT_SYSTEMS[0], "code": code}]}}
    if earlier:
        order["id"] = f"{order['id']}-{earlier + 1}"
    return order


def _take_away(chart: Chart, pattern: str) -> bool:
    """Remove `Type/id` (`*` and `?` as in file names) or an element `Type/id.path`; return whether there was any."""
    name, _, path = pattern.partition(".")
    if path:
        removed = [remove(one, path) for one in chart.everything() if _matches(one, name)]
        return any(removed)
    found = False
    for holder in (chart.drafts, chart.resources):
        kept = [one for one in holder if not _matches(one, name)]
        found |= len(kept) < len(holder)
        holder[:] = kept
    return found


def _put(chart: Chart, place: str, value: Any) -> bool:
    name, _, path = place.partition(".")
    targets = [one for one in chart.everything() if _matches(one, name)]
    for target in targets:
        _write(target, path, value)
    return bool(targets)


def _again(chart: Chart, wanted: Copy) -> bool:
    """Put in once more what is to be copied, under another id and with other elements."""
    found = [one for one in chart.resources if _matches(one, wanted.of)]
    for one in found:
        other = copy.deepcopy(one)
        other["id"] = f"{one['id']}-{wanted.id}"
        for path, value in wanted.set.items():
            _write(other, path, value)
        chart.resources.append(other)
    return bool(found)


def _write(target: dict[str, Any], path: str, value: Any) -> None:
    places = locate(target, path)
    for container, key in places:
        container[key] = copy.deepcopy(value)
    if not places:
        _create(target, path, copy.deepcopy(value))


def _create(target: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split(".")
    holder: Any = target
    for step in steps:
        found = _STEP.fullmatch(step)
        if found is None:
            raise ContentError(f"`{path}` is no path")
        name, index = found.groups()
        holder = holder.setdefault(name, [] if index else {})
        if index:
            while len(holder) <= int(index):
                holder.append({})
            holder = holder[int(index)]
    holder[last] = value


def _matches(resource: Mapping[str, Any], name: str) -> bool:
    return fnmatchcase(f"{resource['resourceType']}/{resource.get('id')}", name)

"""Charts side by side in one server: the ids of each made its own, and all references with them."""

from __future__ import annotations

from typing import Any

from cds_service.authoring.case_chart import Chart

__all__ = ["renamed"]


def renamed(chart: Chart, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return drafts and chart of `patient`: every resource of the chart is `Type/patient-id` from now on.

    The ids of drafts stay: they are on no server.
    """
    new = {_label(one): _name(one, patient) for one in chart.resources}
    drafts = [_referring(one, new) for one in chart.drafts]
    resources = [_referring(one, new) | {"id": new[_label(one)].partition("/")[2]} for one in chart.resources]
    for one in resources:
        if one["resourceType"] == "Patient":
            one["name"] = [{"use": "official", "family": "Sample", "given": [patient]}, *one.get("name", [])[1:]]
    return drafts, resources


def _label(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _name(resource: dict[str, Any], patient: str) -> str:
    kind = resource["resourceType"]
    return f"Patient/{patient}" if kind == "Patient" else f"{kind}/{patient}-{resource['id']}"


def _referring(value: Any, new: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: new.get(child, child) if name == "reference" and isinstance(child, str) else _referring(child, new)
            for name, child in value.items()
        }
    return [_referring(child, new) for child in value] if isinstance(value, list) else value

"""CRD's response types by their shapes: what a card is, as its logical models have it.

Source: CRD 2.2.1, logical models CRDHooksResponse-*; the shapes that the test kit of 2.0.1 tells them by are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cds_service.crd import VERSIONS

__all__ = ["response_types"]

Json = Mapping[str, Any]
ORDERS = VERSIONS["2.2"].carriers


def response_types(card: Json) -> frozenset[str]:
    """Return the response types whose shape a card has; none for a card that is of no type."""
    return frozenset(name for name, has_shape in _SHAPES.items() if has_shape(card))


def _links(card: Json) -> Sequence[Json]:
    return list(card.get("links", ()))


def _suggested(card: Json) -> list[list[Json]]:
    """Return the actions of each suggestion."""
    return [list(one.get("actions", ())) for one in card.get("suggestions", ())]


def _external_reference(card: Json) -> bool:
    plain = all(one["type"] == "absolute" and "appContext" not in one for one in _links(card))
    return bool(_links(card)) and plain and not _suggested(card)


def _instructions(card: Json) -> bool:
    return bool(card.get("detail")) and not _links(card) and not _suggested(card)


def _smart(card: Json) -> bool:
    return bool(_links(card)) and all(one["type"] == "smart" for one in _links(card))


def _suggests(each: Callable[[Sequence[Json]], bool]) -> Callable[[Json], bool]:
    return lambda card: bool(_suggested(card)) and not _links(card) and all(map(each, _suggested(card)))


def _kinds(actions: Sequence[Json], action_type: str) -> list[str]:
    return [one["resource"]["resourceType"] for one in actions if one["type"] == action_type]


def _alternate(actions: Sequence[Json]) -> bool:
    update, create = _kinds(actions, "update"), _kinds(actions, "create")
    delete = [one["resourceId"].partition("/")[0] for one in actions if one["type"] == "delete"]
    if update:
        return len(actions) == 1 and set(update) <= ORDERS
    return len(delete) == 1 and delete[0] in ORDERS and delete[0] in create


def _additional(actions: Sequence[Json]) -> bool:
    return bool(actions) and len(_kinds(actions, "create")) == len(actions) and set(_kinds(actions, "create")) <= ORDERS


def _form(actions: Sequence[Json]) -> bool:
    created = {one["resource"]["resourceType"]: one["resource"] for one in actions if one["type"] == "create"}
    alone = len(created) == len(actions) and created.keys() in ({"Task"}, {"Questionnaire", "Task"})
    return alone and _asks_for_a_form(created["Task"])


def _asks_for_a_form(task: Json) -> bool:
    codes = [one["code"] for one in task["code"]["coding"]]
    forms = [one for one in task.get("input", ()) if one["type"].get("text") == "questionnaire"]
    return (
        (task["status"], task["intent"], codes) == ("ready", "order", ["complete-questionnaire"])
        and {"for", "authoredOn", "requester"} <= task.keys()
        and "focus" not in task
        and bool(forms)
        and all("valueCanonical" in one for one in forms)
    )


def _coverage(actions: Sequence[Json]) -> bool:
    return len(actions) == 1 and _kinds(actions, "update") == ["Coverage"]


_SHAPES: Mapping[str, Callable[[Json], bool]] = {
    "External Reference": _external_reference,
    "Instructions": _instructions,
    "Propose Alternate": _suggests(_alternate),
    "Additional Orders": _suggests(_additional),
    "Form Completion": _suggests(_form),
    "Adjust Coverage": _suggests(_coverage),
    "Launch SMART": _smart,
}

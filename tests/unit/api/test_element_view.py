"""The JSON of a resource with the elements that evidence names."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.api.reviewer.element_view import ElementView, element_view

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o.1",
    "code": {"coding": [{"code": "a"}, {"code": "b"}]},
    "valueString": "broken",
}


def text_of(view: ElementView) -> str:
    return "".join(one.text for one in view.pieces)


def named(view: ElementView, name: str) -> str:
    """Return the text of the element of that name."""
    depth, text = 0, ""
    for one in view.pieces:
        depth = depth + bool(one.opens) - one.closes if depth else int(one.opens == name)
        text += one.text if depth else ""
    return text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("Observation/o.1.value", '"valueString": "broken"'),
        ("Observation/o.1.code.coding[1].code", '"code": "b"'),
        ("Observation/o.1.code.coding[0]", '{\n        "code": "a"\n      }'),
    ],
)
def test_a_path_leads_to_its_element(path: str, shown: str) -> None:
    view = element_view(OBSERVATION, [path], "chart-1")
    assert named(view, view.marks[path]) == shown


def test_an_element_in_another_has_a_name_of_its_own() -> None:
    view = element_view(OBSERVATION, ["Observation/o.1.code", "Observation/o.1.code.coding[1]"], "c")
    assert list(view.marks.values()) == ["c-1", "c-2"]
    assert named(view, "c-2") in named(view, "c-1")


def test_the_resource_itself_and_what_is_not_there_have_no_name() -> None:
    assert element_view(OBSERVATION, ["Observation/o.1", "Observation/o.1.issued"], "c").marks == {}


def test_what_stands_beyond_the_last_line_is_counted_and_has_no_name() -> None:
    long = OBSERVATION | {"note": [{"text": "n"} for _ in range(500)], "valueString": "x" * 9000}
    view = element_view(long, ["Observation/o.1.note", "Observation/o.1.note[499].text"], "c")
    lines = text_of(view).split("\n")
    assert lines[0] == "{"
    assert max(map(len, lines)) < 600
    assert lines[-1].endswith(" more lines")
    assert list(view.marks.values()) == ["c-1"]
    assert sum(bool(one.opens) for one in view.pieces) == sum(one.closes for one in view.pieces) == 1


def test_nothing_in_it_changes_the_direction_of_text() -> None:
    assert "\u202e" not in text_of(element_view(OBSERVATION | {"valueString": "a\u202eb"}, [], "c"))

"""order-select: which drafts the selections name, however they are written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.made_up import bundle, order
from tests.unit.services.calls import SERVER, exchange, outcomes

Json = dict[str, Any]


def selected(*selections: str, drafts: Json | None = None) -> set[str]:
    drafts = drafts or bundle(order("o-1"), order("o-2", "refit"))
    found = exchange("order-select", {"selections": [*selections], "draftOrders": drafts}, fhirServer=SERVER)
    return set(outcomes(found))


@pytest.mark.requirement("hook-34")
@pytest.mark.parametrize(
    "selection",
    [
        "ServiceRequest/o-1",
        "ServiceRequest/o-1/_history/3",
        "o-1",
        f"{SERVER}/ServiceRequest/o-1",
        "ServiceRequest/o\u20111",
    ],
)
def test_a_selection_names_its_draft_and_no_other(selection: str) -> None:
    assert selected(selection) == {"ServiceRequest/o-1"}


def test_a_selection_may_be_a_full_url() -> None:
    drafts = bundle(order("o-1"), order("o-2", "refit"))
    drafts["entry"][1]["fullUrl"] = "urn:uuid:6f0f5a3e-2c0b-4a55-9a3b-0d8a6a3f1f10"
    assert selected("urn:uuid:6f0f5a3e-2c0b-4a55-9a3b-0d8a6a3f1f10", drafts=drafts) == {"ServiceRequest/o-2"}


def test_an_id_with_another_hyphen_is_found() -> None:
    drafts = bundle(order("o\u20111"), order("o2", "refit"))
    assert selected("ServiceRequest/o-1", drafts=drafts) == {"ServiceRequest/o\u20111"}


def test_selections_that_name_no_draft_clear_none() -> None:
    assert selected("ServiceRequest/other") == {"ServiceRequest/o-1", "ServiceRequest/o-2"}


def test_a_selection_of_nothing_clears_none() -> None:
    assert selected("") == {"ServiceRequest/o-1", "ServiceRequest/o-2"}


def test_a_selection_that_names_no_draft_is_told_beside_those_that_do() -> None:
    drafts = bundle(order("o-1"), order("o-2", "refit"))
    named = {"selections": ["ServiceRequest/other", "ServiceRequest/o-2"], "draftOrders": drafts}
    found = exchange("order-select", named, fhirServer=SERVER)
    assert set(outcomes(found)) == {"ServiceRequest/o-2"}
    assert found.not_had == ("ServiceRequest/other",)


def test_where_nothing_is_selected_nothing_is_cleared() -> None:
    assert selected() == {"ServiceRequest/o-1", "ServiceRequest/o-2"}


def test_a_selected_order_that_repeats_another_is_judged() -> None:
    assert selected("ServiceRequest/o-2", drafts=bundle(order("o-1"), order("o-2"))) == {"ServiceRequest/o-1"}

"""A card tells the client which orders it is about."""

from __future__ import annotations

import pytest

from cds_service.cards.associated_resource import associated_resource
from tests.unit.necessity.judging import judge, order
from tests.unit.plan_definition.plans import compiled

NAME = "davinci-crd.associated-resource"


@pytest.mark.requirement("dev-25")
def test_every_order_of_a_card_is_told_once_those_that_say_the_same_included() -> None:
    judged = judge(compiled(), order("A", "o1"), order("A", "o2"), order("B", "o3")).determinations
    orders = [one.order for one in judged]
    told = associated_resource([*orders, *orders])
    assert told == {NAME: [{"reference": f"ServiceRequest/{name}"} for name in ("o1", "o2", "o3")]}


def test_an_order_without_an_id_cannot_be_told() -> None:
    nameless = {name: value for name, value in order().items() if name != "id"}
    assert associated_resource(one.order for one in judge(compiled(), nameless).determinations) == {}

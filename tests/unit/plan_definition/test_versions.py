"""Versions of a policy side by side: their periods may not overlap."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import ArtifactNotFound, ContentError
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.versions import period_words, version_on
from tests.unit.plan_definition.plans import BASE, URL, artifacts, compiled, compiled_plan, plan, value_set


def version(number: str, start: str | None = None, end: str | None = None) -> dict[str, Any]:
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    return plan(version=number, **({"effectivePeriod": period} if period else {}))


OVERLAPPING = [
    (("2025-01-01", "2025-12-31"), ("2025-12-31", None)),
    (("2025-01-01", None), ("2026-01-01", None)),
    ((None, "2025-12"), ("2025-12", None)),
    ((None, "2025"), ("2025-12-31", None)),
    ((None, None), ("2026-01-01", None)),
    ((None, None), (None, None)),
    (("2025-01-01", "2025-12-31"), ("2025-03-01", "2025-04-01")),
]


@pytest.mark.parametrize(("one", "other"), OVERLAPPING)
def test_versions_in_effect_at_the_same_time_are_refused(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(ContentError, match="in effect at the same time") as refused:
            compiled(version("1", *first), version("2", *second))
        assert refused.value.rule == "periods-overlap"
        assert refused.value.canonical == URL


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("2025-01-01", "2025-12-31"), ("2026-01-01", None)),
        ((None, "2025-11"), ("2025-12", None)),
        ((None, "2025"), ("2026", None)),
        (("2024-01-01", "2024-02-29"), ("2024-03-01", "2024-12-31")),
    ],
)
def test_versions_one_after_the_other_stand_side_by_side(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert len(compiled(version("2", *other), version("1", *one)).plans) == 2


def test_a_retired_version_stands_back_while_there_is_another() -> None:
    retired = version("1", "2025-01-01") | {"status": "retired"}
    made = compiled(retired, version("2", "2025-06-01"))
    one, other = made.plans
    assert [made.counts(plan, Date((2025, 3, 1))) for plan in (one, other)] == [False, True]
    (alone,) = (found := compiled(retired)).plans
    assert found.counts(alone, Date((2030, 1, 1)))


def test_a_refusal_names_both_versions_their_periods_and_what_to_do() -> None:
    with pytest.raises(ContentError) as refused:
        compiled(version("1.9.0", "2025-01-01"), version("1.10.0", "2026-01-01"))
    assert str(refused.value) == (
        f"{URL}: version `1.9.0` (from 2025-01-01) and version `1.10.0` (from 2026-01-01) are in effect at the same "
        "time; end the `effectivePeriod` of one before the other begins"
    )


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ContentError, match="ends before it begins: 2026-01-01 to 2025") as refused:
        compiled(version("1", "2026-01-01", "2025"))
    assert refused.value.rule == "element-malformed"


@pytest.mark.parametrize(
    ("day", "number"),
    [
        ((2024, 12, 31), "1"),
        ((2025, 6, 30), "1"),
        ((2025, 7, 1), "1"),
        ((2026, 1, 1), "2"),
        ((2030, 1, 1), "2"),
    ],
)
def test_the_version_of_a_day_is_the_last_that_began(day: tuple[int, ...], number: str) -> None:
    made = compiled(version("1", "2025-01-01", "2025-06-30"), version("2", "2026-01-01", "2026-12-31")).plans
    assert version_on(made, Date(day)).version == number


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, None, "no period stated"),
        ("2026", None, "from 2026"),
        (None, "2026-01", "to 2026-01"),
        ("2026-01-01", "2026-12-31", "2026-01-01 to 2026-12-31"),
    ],
)
def test_a_period_in_words(start: str | None, end: str | None, words: str) -> None:
    assert period_words(compiled_plan(version("1", start, end))) == words


# -- artifacts in several versions --------------------------------------------------------------------------------


def test_a_value_set_of_which_there_are_two_versions_is_read_by_its_version() -> None:
    held = artifacts(value_set("widgets", "A", "B"), value_set("widgets", "A", version="2"), sets=())
    url = f"{BASE}/ValueSet/widgets"
    assert [len(held.value_set(f"{url}|{number}").codes) for number in "12"] == [2, 1]
    with pytest.raises(ArtifactNotFound, match=r"which ValueSet .* name the version; known versions: `1`, `2`"):
        held.value_set(url)
    with pytest.raises(ArtifactNotFound, match="name the version"):
        held.find("ValueSet", url)
    assert url not in held.value_sets
    assert held.find("ValueSet", f"{url}|2").resource["version"] == "2"


def test_a_policy_that_reads_a_value_set_by_version_has_a_hash_of_that_version() -> None:
    made = plan()
    made["action"][0]["input"][0]["codeFilter"][0]["valueSet"] += "|1"
    one = compiled_plan(made, value_set("widgets", "A", version="2"))
    other = compiled_plan(made, value_set("widgets", "C", version="2"))
    assert one.hash == other.hash
    assert one.value_sets == {f"{BASE}/ValueSet/widgets|1"}

"""The reference of hooks and orders is as the code is."""

from __future__ import annotations

import re

from cds_service.necessity.ordered_codes import CODE_PATHS
from cds_service.plan_definition.compile import ORDER_TYPES
from cds_service.services import SERVICES
from tests.charts import ROOT

PAGE = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    table = PAGE.partition(f"\n## {heading}\n")[2]
    lines = [line for line in table.partition("|\n\n")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_service_is_listed_in_the_order_of_discovery() -> None:
    assert [(hook, service) for (hook,), (service,) in ((quoted(row[0]), quoted(row[1])) for row in rows("Hooks"))] == [
        (service.hook, service.id) for service in SERVICES.values()
    ]


def test_every_type_of_order_is_listed_with_its_paths() -> None:
    assert {row[0]: sorted(quoted(row[1])) for row in rows("Orders")} == {
        kind: sorted(CODE_PATHS[kind]) for kind in ORDER_TYPES
    }

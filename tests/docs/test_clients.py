"""The pages on trusted clients say what is so."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from cds_service.security import Reason, TrustedClient, read_clients
from tests.charts import ROOT

REFERENCE = ROOT / "docs" / "reference" / "clients.md"
PAGES = (ROOT / "docs" / "how_to" / "trust_a_client.md", REFERENCE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_clients_that_is_shown_can_be_read(page: Path) -> None:
    shown = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    assert all(read_clients(text) for text in shown)


def first_cells(heading: str) -> list[str]:
    """The names in the first column of the first table after a heading."""
    _, _, after = REFERENCE.read_text(encoding="utf-8").partition(f"{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    rows = table[0].splitlines()[2:] if table else []
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_key_of_the_file_is_listed() -> None:
    members = {field.name for field in fields(TrustedClient)} - {"name", "pinned"}
    assert set(first_cells("# Trusted clients")) == members | {"keys", "keys_file"}


def test_every_reason_is_listed() -> None:
    assert sorted(first_cells("## Why a call is refused")) == sorted(Reason)

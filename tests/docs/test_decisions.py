"""The pages on commands: what they write can be written, and no command is left out."""

from __future__ import annotations

import re
import shlex

import pytest
import typer.main

from cds_service.cli.decisions import decisions
from tests.charts import ROOT

PAGES = ("how_to/keep_and_purge_decisions.md", "reference/decisions.md", "how_to/operate.md")
COMMANDS = typer.main.get_command(decisions).commands  # type: ignore[attr-defined]


def written(page: str) -> list[str]:
    """Return what follows `cds-service decisions` wherever a page has it."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"cds-service decisions ([a-z][^`\n#>]*)", text)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_on_a_page_exists(page: str) -> None:
    for line in written(page):
        name, *arguments = shlex.split(line)
        known = {option for one in COMMANDS[name].params for option in one.opts}
        assert {one for one in arguments if one.startswith("-")} <= known, line


def test_every_command_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "decisions.md").read_text(encoding="utf-8")
    assert set(COMMANDS) == {one for one in COMMANDS if re.search(rf"\| `{one}[ `]", text)}

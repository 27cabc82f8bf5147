"""A page walked through: its files are written, its commands run, and what they answer is compared with the page.

Fenced blocks: `sh` holds commands after `$ `, each with the answer below it (`…` on a line of its own stands for any
lines); `file=PATH` writes a file; `merge=PATH` changes members of a JSON file, extensions one by one. Others are prose.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: (?P<how>file|merge)=(?P<place>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)

Command = Callable[[list[str]], str]
"""Arguments of `cds-service` → what it prints."""


@dataclass(frozen=True)
class Difference:
    """A command whose answer is not the page's."""

    command: str
    answer: str
    page: str


def walk(page: str, folder: Path, command: Command) -> Iterator[Difference]:
    """Do in `folder` what a page says, from top to bottom; yield what comes out otherwise."""
    for block in _BLOCK.finditer(page):
        place, body = folder / (block["place"] or ""), block["body"]
        if block["how"] == "file":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(body, encoding="utf-8")
        elif block["how"] == "merge":
            merged = _merge(json.loads(place.read_text(encoding="utf-8")), json.loads(body))
            place.write_text(json.dumps(merged), encoding="utf-8")
        elif block["kind"] == "sh":
            yield from _run(body, folder, command)


def commands(page: str) -> list[str]:
    """Return the commands of a page."""
    shell = [block["body"] for block in _BLOCK.finditer(page) if block["kind"] == "sh"]
    return [line.removeprefix("$ ") for body in shell for line in body.splitlines() if line.startswith("$ ")]


def _run(body: str, folder: Path, command: Command) -> Iterator[Difference]:
    for said in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        line, _, expected = said.partition("\n")
        name, *arguments = shlex.split(line)
        answer = ""
        if name == "cds-service":
            answer = command(arguments)
        elif name == "rm":
            for one in arguments:
                (folder / one).unlink()
        else:
            raise ValueError(f"a page may call cds-service and rm, not `{name}`")
        if not re.fullmatch(_pattern(expected), answer):
            yield Difference(line, answer, expected)


def _pattern(expected: str) -> str:
    return "".join(r"(?:.*\n)*" if line == "…\n" else re.escape(line) for line in expected.splitlines(keepends=True))


def _merge(held: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    by_name = {_name(one): one for one in new.get("extension", ())}
    extensions = [by_name.pop(_name(one), one) for one in held.get("extension", ())]
    assert not by_name, f"nothing to change: {sorted(by_name)}"
    return {**held, **new, "extension": extensions}


def _name(extension: dict[str, Any]) -> tuple[str, str]:
    """An extension by its address, and by its name where there are several of them."""
    return extension["url"], extension.get("extension", [{}])[0].get("valueString", "")

"""Pages as Markdown (CommonMark): headings, nested lists, no tables and no HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cds_service.authoring.pages.page import Entry, Page, Remark, Section
from cds_service.necessity.wording import printable

__all__ = ["as_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!<>&])")
_STARTS_A_LIST = re.compile(r"^([-+=])|^(\d+)([.)])(?=\s|$)")
_LINK = re.compile(r"https?://[^\s<>()]+")


def as_markdown(pages: Iterable[Page]) -> Iterator[str]:
    """Yield the lines; each page begins with a heading of the first level."""
    for i, page in enumerate(pages):
        if i:
            yield ""
        yield from _page(page)


def _page(page: Page) -> Iterator[str]:
    yield f"# {_plain(page.title)}"
    if page.warning:
        yield from ("", f"**{_plain(page.warning)}**")
    if page.lead:
        yield from ("", _plain(page.lead))
    for section in page.sections:
        yield from _section(section)
    if page.notice:
        yield from ("", f"*{_plain(page.notice)}*")


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {_plain(section.heading)}")
    if section.lead:
        yield from ("", _plain(section.lead))
    if section.facts or section.entries:
        yield ""
    for fact in section.facts:
        yield f"- {_remark(fact)}"
    for entry in section.entries:
        yield from _entry(entry, 0)


def _entry(entry: Entry, depth: int) -> Iterator[str]:
    indent = "  " * depth
    mark = f" ({_plain(entry.mark)})" if entry.mark else ""
    name = f" {_code(entry.name)}" if entry.name else ""
    yield f"{indent}- **{_plain(entry.title)}**{mark}{name}"
    for remark in entry.remarks:
        yield f"{indent}  - {_remark(remark)}"
    for part in entry.parts:
        yield from _entry(part, depth + 1)


def _remark(remark: Remark) -> str:
    text = _code(remark.text) if remark.is_code else _plain(remark.text)
    if remark.url and _LINK.fullmatch(remark.url):
        text = f"[{text}]({remark.url})"
    return f"{_plain(remark.about)}: {text}" if remark.about else text


def _plain(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", printable(text))
    return _STARTS_A_LIST.sub(lambda found: f"{found[2] or ''}\\{found[1] or found[3]}", escaped)


def _code(text: str) -> str:
    """A code span that holds any text: fenced by more back-ticks than there are in it."""
    line = printable(text)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"

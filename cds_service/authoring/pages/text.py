"""Pages as text for a terminal: 80 columns, indented by depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from cds_service.authoring.pages.page import Entry, Page, Remark, Section
from cds_service.necessity.wording import printable

__all__ = ["as_text"]

_WIDTH = 80


def as_text(pages: Iterable[Page]) -> Iterator[str]:
    """Yield the lines, at most 80 columns wide unless a word is longer; two empty lines between pages."""
    for i, page in enumerate(pages):
        if i:
            yield from ("", "")
        yield from _page(page)


def _page(page: Page) -> Iterator[str]:
    if page.warning:
        yield from (*_set(page.warning), "")
    yield from _underlined(page.title, "=")
    if page.lead:
        yield from ("", *_set(page.lead))
    for section in page.sections:
        yield ""
        yield from _section(section)
    if page.notice:
        yield from ("", *_set(page.notice))


def _section(section: Section) -> Iterator[str]:
    yield from _underlined(section.heading, "-")
    if section.lead:
        yield from _set(section.lead)
    for fact in section.facts:
        yield from _remark(fact, 0)
    for entry in section.entries:
        yield from _entry(entry, 0)


def _entry(entry: Entry, indent: int) -> Iterator[str]:
    beside = ", ".join(part for part in (entry.mark, entry.name) if part)
    yield from _set(f"- {entry.title}{f' [{beside}]' if beside else ''}", indent, hang=2)
    for remark in entry.remarks:
        yield from _remark(remark, indent + 2)
    for part in entry.parts:
        yield from _entry(part, indent + 2)


def _remark(remark: Remark, indent: int) -> Iterator[str]:
    address = f" <{remark.url}>" if remark.url else ""
    yield from _set(f"{f'{remark.about}: ' if remark.about else ''}{remark.text}{address}", indent, hang=2)


def _underlined(text: str, line: str) -> Iterator[str]:
    lines = _set(text)
    yield from (*lines, line * max(map(len, lines), default=0))


def _set(text: str, indent: int = 0, *, hang: int = 0) -> list[str]:
    return wrap(
        printable(text),
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )

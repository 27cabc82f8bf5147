"""Pages as one HTML document that needs nothing else: no script, no font, no image; readable in print and in the dark.

Everything that is not markup of ours is escaped. Headings are nested, lists are lists, and a page can be reached by
keyboard from a list of contents. A policy that loads nothing keeps it from calling anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from cds_service.authoring.pages.page import Entry, Page, Remark, Section
from cds_service.necessity.wording import printable

__all__ = ["as_html"]

_LINK = re.compile(r"https?://[^\s\"'<>]+")
_STYLE = """\
:root { color-scheme: light dark; --text: #1b1f24; --dim: #57606a; --ground: #ffffff; --line: #d0d7de;
  --warn: #7a1f1f; --warn-ground: #fdecea; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --dim: #a5adb8; --ground: #14171b; --line: #3a424c;
    --warn: #ffb4a9; --warn-ground: #3a1a17; }
}
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.55 system-ui, sans-serif; }
main, header, footer { max-width: 48rem; margin: 0 auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 2rem 0 .75rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
p { margin: .4rem 0; }
ul { padding-left: 1.2rem; margin: .3rem 0; }
li { margin: .55rem 0; }
li > ul { border-left: 2px solid var(--line); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: inherit; }
.warning { color: var(--warn); background: var(--warn-ground); border: 2px solid currentColor; font-weight: 700;
  padding: .6rem .9rem; }
.mark, .about { color: var(--dim); }
.mark { border: 1px solid var(--line); border-radius: .25rem; padding: 0 .35rem; font-size: .85em;
  white-space: nowrap; }
.notice { color: var(--dim); border-top: 1px solid var(--line); padding: .75rem 0 2rem; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print {
  :root { --text: #000; --dim: #333; --ground: #fff; --line: #999; --warn: #000; --warn-ground: #fff; }
  body { font-size: 10.5pt; } nav { display: none; } article { break-before: page; }
  article:first-of-type { break-before: auto; } h2 { break-after: avoid; } li { break-inside: avoid-page; }
}
"""


def as_html(pages: Sequence[Page], *, title: str) -> Iterator[str]:
    """Yield the lines of one document that holds all pages, with a list of contents if there are several."""
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<title>{_plain(title)}</title>"
    yield f"<style>\n{_STYLE}</style>"
    yield "</head>"
    yield "<body>"
    if len(pages) > 1:
        yield from _contents(pages)
    yield "<main>"
    for number, page in enumerate(pages, 1):
        yield from _page(page, number)
    yield "</main>"
    yield "</body>"
    yield "</html>"


def _contents(pages: Sequence[Page]) -> Iterator[str]:
    yield '<header><nav aria-label="Contents"><ul>'
    for number, page in enumerate(pages, 1):
        yield f'<li><a href="#p{number}">{_plain(page.title)}</a></li>'
    yield "</ul></nav></header>"


def _page(page: Page, number: int) -> Iterator[str]:
    yield f'<article id="p{number}" aria-labelledby="p{number}-title">'
    if page.warning:
        yield f'<p class="warning" role="note">{_plain(page.warning)}</p>'
    yield f'<h1 id="p{number}-title">{_plain(page.title)}</h1>'
    if page.lead:
        yield f"<p>{_plain(page.lead)}</p>"
    for i, section in enumerate(page.sections, 1):
        yield from _section(section, f"p{number}-s{i}")
    if page.notice:
        yield f'<p class="notice">{_plain(page.notice)}</p>'
    yield "</article>"


def _section(section: Section, name: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{name}">'
    yield f'<h2 id="{name}">{_plain(section.heading)}</h2>'
    if section.lead:
        yield f"<p>{_plain(section.lead)}</p>"
    if section.facts:
        yield "<dl>"
        for fact in section.facts:
            yield f"<dt>{_plain(fact.about)}</dt><dd>{_text(fact)}</dd>"
        yield "</dl>"
    yield from _entries(section.entries)
    yield "</section>"


def _entries(entries: Iterable[Entry]) -> Iterator[str]:
    lines = [line for entry in entries for line in _entry(entry)]
    if lines:
        yield from ("<ul>", *lines, "</ul>")


def _entry(entry: Entry) -> Iterator[str]:
    mark = f' <span class="mark">{_plain(entry.mark)}</span>' if entry.mark else ""
    name = f" <code>{_plain(entry.name)}</code>" if entry.name else ""
    yield f"<li><strong>{_plain(entry.title)}</strong>{mark}{name}"
    for remark in entry.remarks:
        about = f'<span class="about">{_plain(remark.about)}:</span> ' if remark.about else ""
        yield f"<p>{about}{_text(remark)}</p>"
    yield from _entries(entry.parts)
    yield "</li>"


def _text(remark: Remark) -> str:
    text = f"<code>{_plain(remark.text)}</code>" if remark.is_code else _plain(remark.text)
    if remark.url and _LINK.fullmatch(remark.url):
        return f'<a href="{escape(remark.url)}" rel="noreferrer">{text}</a>'
    return text


def _plain(text: str) -> str:
    return escape(printable(text))

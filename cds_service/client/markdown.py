"""GitHub Flavored Markdown as plain lines, for a terminal: marks go, text, structure and addresses stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

__all__ = ["plain_lines"]

_MARKS = re.compile(
    r"""\\(?P<escaped>[!-/:-@\[-`{-~])
    |(?P<ticks>`{1,3})(?P<code>[^`]{1,400})(?P=ticks)
    |!?\[(?P<label>[^\[\]]{0,400})\]\((?P<url>[^()\s]{1,2000})(?:\s[^()]{0,200})?\)
    |\*\*|__|~~
    |(?<![\w*])[*_](?=[^\s*_])
    |(?<=[^\s*_])[*_](?![\w*])""",
    re.VERBOSE,
)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")


def plain_lines(markdown: str) -> Iterator[str]:
    """Yield the lines of a text without its marks. Source: GFM 2.4, 4.2, 4.5, 6."""
    fenced = False
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        else:
            yield line if fenced else unescape(_MARKS.sub(_shown, _HEADING.sub("", line, count=1)))


def _shown(mark: re.Match[str]) -> str:
    if mark["escaped"]:
        return mark["escaped"]
    if mark["code"]:
        return mark["code"]
    if mark["url"]:
        return f"{mark['label']} ({mark['url']})" if mark["label"] else mark["url"]
    return ""

"""Text that is safe to show: nothing from a chart comes to life as Markdown, HTML or a link."""

from __future__ import annotations

import re

from cds_service.necessity.wording import printable

__all__ = ["LONGEST", "clean", "code", "plain"]

_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~!&<>]")
_ESCAPES = str.maketrans({one: f"\\{one}" for one in "\\`*_{}[]#|~!"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LINK = re.compile(r"(?i)(?:https?|ftp|mailto|xmpp):|www\.")
"""What GitHub Flavored Markdown makes a link of without being asked. Source: GFM 6.9, Autolinks (extension)."""
LONGEST = 600
"""The most characters of one text."""


def clean(text: object) -> str:
    """Return text without control, zero-width and direction-changing characters, on one line, of bounded length."""
    line = printable(text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def plain(text: object) -> str:
    """Return text that Markdown shows as it is, without a link, an image or HTML coming to life."""
    if text is None:
        return ""
    line = clean(text)
    escaped = line.translate(_ESCAPES) if _SPECIAL.search(line) else line
    if ":" not in escaped and "www." not in escaped.lower():  # nearly always: the search takes longer than all above
        return escaped
    return _LINK.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), escaped)


def code(text: object) -> str:
    """Return text as a Markdown code span: a path, a canonical, a reference."""
    return f"`{clean(text).replace('`', '')}`"

"""What a page of words is made of, whatever it is rendered as. All text is plain; a rendering escapes it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Entry", "Page", "Remark", "Section"]


@dataclass(frozen=True, slots=True)
class Remark:
    """A line under an entry: what it is about, and the text. `url` makes the text a link, `is_code` sets it as code."""

    about: str
    text: str
    url: str | None = None
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a list: a title, a short mark beside it, the name it goes by, remarks, and what is inside it."""

    title: str
    mark: str | None = None
    name: str | None = None
    remarks: tuple[Remark, ...] = ()
    parts: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a sentence that says how to read what follows, facts, and entries."""

    heading: str
    lead: str = ""
    facts: tuple[Remark, ...] = ()
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page about one thing. The warning, if there is one, comes before all else."""

    title: str
    warning: str | None = None
    lead: str = ""
    sections: tuple[Section, ...] = ()
    notice: str = ""

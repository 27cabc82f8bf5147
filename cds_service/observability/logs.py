"""Logs, a line each: a listed event with listed fields, each of a form that holds no more than it is meant to.

All else of a record is left out: its arguments, the text of an exception, and whatever a library writes. So what a
chart, a token or a URL says cannot come into a log by oversight, only by an entry in the lists below.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType
from typing import Any, Final, Literal, TextIO, TypeAlias

import msgspec
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict

from cds_service.fhir.unread import Why
from cds_service.necessity.model import Outcome

__all__ = ["EVENTS", "FIELDS", "Format", "Level", "configure_logs", "place_of"]

Format: TypeAlias = Literal["json", "text"]
Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Kind: TypeAlias = Callable[[object], bool]
"""Whether a value is of the form that a field may have."""

EVENTS: Final = frozenset(
    {
        "request",
        "unforeseen error",
        "call refused",
        "token not verified",
        "replay not checked",
        "keys fetched",
        "keys not fetched",
        "policies reloaded",
        "policies not reloaded",
        "policies not kept",
        "store fault",
        "store well",
        "chain head",
        "worker ended",
        "worker not started",
        "serving",
        "shutting down",
    }
)
UNLISTED: Final = "unlisted"
"""The event of a record that is not listed: its place says where it comes from."""

_LIBRARIES: Final = ("alembic", "asyncio", "httpcore", "httpx", "opentelemetry", "sqlalchemy", "urllib3", "uvicorn")
_SERVER: Final = ("uvicorn", "uvicorn.access", "uvicorn.error")
_FRAMES: Final = 3


def _one_of(values: Iterable[str]) -> Kind:
    allowed = frozenset(map(str, values))
    return lambda value: isinstance(value, str) and value in allowed


def _like(pattern: str) -> Kind:
    whole = re.compile(pattern)
    return lambda value: isinstance(value, str) and whole.fullmatch(value) is not None


def _number(value: object) -> bool:
    return type(value) in (int, float)


def _counts(of: Kind) -> Kind:
    return lambda value: isinstance(value, Mapping) and all(of(key) and _number(one) for key, one in value.items())


_name = _like(r"[a-z][a-z0-9_-]{0,59}")

FIELDS: Final[Mapping[str, Kind]] = {
    "service": _name,  # the name of a route
    "status": _number,
    "outcomes": _counts(_one_of(Outcome)),
    "fetched": _counts(_one_of((*Why, "complete"))),
    "client": _like(r"[\w .:/-]{1,80}"),  # the operator's word, from the file of clients
    "decision": _like(r"[0-9a-f-]{36}"),
    "duration_ms": _number,
    "steps_ms": _counts(_name),
    "reason": _name,
    "error": _like(r"[A-Za-z_][A-Za-z0-9_]{0,79}"),  # the name of a type
    "place": _like(r"[\w.-]+:\d+( > [\w.-]+:\d+)*"),
    "address": _like(r"https?://[\w.:\[\]/-]{1,200}"),  # of a client's keys, from the file of clients
    "fault": _like(r"[a-z][\w .,:;`()-]{0,119}"),  # what keeps keys away: a sentence of ours
    "canonical": _like(r"https?://[\w.:/|-]{1,200}|"),
    "element": _like(r"[\w.()\[\] -]{0,200}"),  # a place in a policy
    "rule": _name,
    "revision": _like(r"[0-9a-f]{64}"),
    "policies": _number,
    "usable": _number,
    "keys": _number,
    "exit_code": _number,
    "again_in_s": _number,
    "writer": _like(r"[0-9a-f-]{36}"),
    "sequence": _number,
    "hash": _like(r"[0-9a-f]{64}"),
    "spilled": _number,
    "queued": _number,
}


def configure_logs(level: Level, output: Format, stream: TextIO | None = None) -> None:
    """Have every log of this process written to `stream`, by default stdout, as the lists allow."""
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[ExtraAdder(allow=FIELDS)],
            processors=[_allowed, _as_json if output == "json" else _as_text],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _SERVER:  # which may have been given a way of its own to the terminal, past the lists
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate, logger.disabled = True, False
        logger.setLevel(logging.NOTSET)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def place_of(traceback: TracebackType | None) -> str:
    """Return the innermost lines of code of a traceback, by file name and number."""
    frames = extract_tb(traceback)[-_FRAMES:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)


def _allowed(_logger: object, _method: str, given: EventDict) -> EventDict:
    """Return what of a record may be told."""
    record: logging.LogRecord = given["_record"]
    listed = isinstance(record.msg, str) and record.msg in EVENTS and record.name.startswith("cds_service.")
    told: EventDict = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": record.msg if listed else UNLISTED,
        "logger": record.name,
    }
    if not listed:
        told["place"] = f"{PurePath(record.pathname).name}:{record.lineno}"
    told.update(_of_exception(given.get("exc_info")))
    fields = {name: given[name] for name in FIELDS if given.get(name) is not None} if listed else {}
    told.update((name, value) for name, value in fields.items() if FIELDS[name](value))
    if withheld := sorted(name for name in fields if name not in told):
        told["withheld"] = withheld
    return told


def _of_exception(information: Any) -> dict[str, str]:
    match information:
        case (type() as kind, _, traceback) if traceback is not None:
            return {"error": kind.__name__, "place": place_of(traceback)}
    return {}


def _as_json(_logger: object, _method: str, told: EventDict) -> str:
    return msgspec.json.encode(told).decode()


def _as_text(_logger: object, _method: str, told: EventDict) -> str:
    head = f"{told.pop('time')} {told.pop('level'):7} {told.pop('event')}"
    return " ".join((head, *(f"{name}={msgspec.json.encode(value).decode()}" for name, value in told.items())))

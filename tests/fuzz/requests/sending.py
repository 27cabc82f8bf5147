"""The service in this process, whoever it answers for, and all that can be seen of it while it answers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.security import generate_key, jwks, new_claims, sign
from cds_service.settings import Settings
from cds_service.store.memory import InMemoryStore
from cds_service.store.sql import SqlStore
from cds_service.wiring import Application
from tests.fuzz.requests.cases import Case, Headers, Tokens
from tests.integration.decisions.corpus import policies
from tests.integration.test_payer import PAYER

__all__ = ["Answer", "Services"]

_BASE, _ISSUER = "https://cds.example.org", "https://ehr.example.org"
_ALIKE = {"public_base_url": _BASE, "organization": "Example Health Plan", "database_url": "memory"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what was logged: each record with all that it holds."""

    status: int | None
    """None where nothing came back."""
    headers: dict[str, str]
    body: bytes
    records: list[logging.LogRecord]


@dataclass
class Services:
    """The service for a provider and for a payer, each open to everybody and to trusted clients alone."""

    _apps: dict[tuple[bool, bool], tuple[Application, FastAPI]] = field(default_factory=dict)
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def send(self, case: Case) -> Answer:
        """Return what a request is answered."""
        with _records() as records:
            return self._runner.run(self._send(case, records))

    def close(self) -> None:
        """Close all that was opened."""
        for application, _ in self._apps.values():
            self._runner.run(application.close())
        self._apps.clear()
        self._runner.close()
        if "_folder" in self.__dict__:
            self._folder.cleanup()

    @cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory()

    @cached_property
    def _key(self) -> Any:
        return generate_key()

    def _app(self, *, payer: bool, trusted: bool) -> FastAPI:
        if (payer, trusted) not in self._apps:
            settings: dict[str, Any] = _ALIKE | ({"payer_identifiers": (PAYER,)} if payer else {})
            store: Any = InMemoryStore()
            if trusted:
                folder = Path(self._folder.name)
                (folder / "keys.json").write_text(json.dumps(jwks(self._key)), encoding="utf-8")
                table = f'[clients.ehr]\niss = "{_ISSUER}"\nkeys_file = "keys.json"\n'
                (folder / "clients.toml").write_text(table, encoding="utf-8")
                settings["clients"] = folder / "clients.toml"
                store = SqlStore(f"sqlite:///{folder}/{payer}.db")
            application = Application(Settings(**settings), policies(), clock=lambda: Date((2026, 1, 15)), store=store)
            self._apps[payer, trusted] = application, create_app(application)
        return self._apps[payer, trusted][1]

    def _tokens(self, tokens: Tokens, path: str) -> Headers:
        claims = new_claims(iss=_ISSUER, aud=f"{_BASE}{path}", now=time.time())
        match tokens:
            case "open" | "none":
                return ()
            case "of another":
                claims["iss"] = "https://evil.example.org"
        bearer = b"authorization", f"Bearer {sign(claims, self._key)}".encode()
        return (bearer, bearer) if tokens == "two" else (bearer,)

    async def _send(self, case: Case, records: list[logging.LogRecord]) -> Answer:
        size = max(1, -(-len(case.body) // case.parts))
        parts = [case.body[at : at + size] for at in range(0, len(case.body), size)] or [b""]
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": i < len(parts) - 1} for i, part in enumerate(parts)
        ]
        if case.broken_off:
            messages = messages[: len(messages) // 2]
        arriving = iter(messages)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(arriving, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        app = self._app(payer=case.payer, trusted=case.tokens != "open")
        path = case.path.partition("?")[0]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": case.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [*case.headers, *self._tokens(case.tokens, path)],
            "client": ("127.0.0.1", 50_000),
            "server": ("service", 80),
        }
        await app(scope, receive, send)
        status = sent[0]["status"] if sent else None
        headers = {name.decode("latin-1"): one.decode("latin-1") for name, one in (sent[0]["headers"] if sent else ())}
        return Answer(status, headers, b"".join(one.get("body", b"") for one in sent), records)


class _Keeping(logging.Handler):
    """Keeps every record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _records() -> Iterator[list[logging.LogRecord]]:
    """Yield the records of every level that are made meanwhile; none of them goes anywhere else."""
    root, keeping = logging.getLogger(), _Keeping()
    before = root.handlers[:], root.level
    root.handlers[:] = [keeping]
    root.setLevel(logging.DEBUG)
    try:
        yield keeping.records
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])

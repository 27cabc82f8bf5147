"""A CDS service on loopback that answers what a test tells it to, and keeps what it was asked.

with ServiceStub({"GET /cds-services": answer({"services": []})}) as service:
    ... service.url ...; service.calls
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Call", "Canned", "ServiceStub", "answer"]


@dataclass(frozen=True)
class Canned:
    """An answer; with `pause` its body comes byte by byte, with so many seconds between them."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    pause: float = 0.0


def answer(content: object, status: int = 200, pause: float = 0.0, **headers: str) -> Canned:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Canned(status, body, headers, pause)


@dataclass(frozen=True)
class Call:
    """What the service was asked."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ServiceStub:
    """The service, while it is entered: `METHOD /path` → its answer; anything else is a 404 without a body."""

    answers: Mapping[str, Canned]
    tls: ssl.SSLContext | None = None
    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"


def _handler(stub: ServiceStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            line = f"{self.command} {self.path}"
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stub.calls.append(Call(line, {name.lower(): value for name, value in self.headers.items()}, body))
            self._answer(stub.answers.get(line, Canned(404, b"", {})))

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def _answer(self, canned: Canned) -> None:
            self.send_response(canned.status)
            for name, value in {"Content-Length": str(len(canned.body)), **canned.headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            for piece in [canned.body] if not canned.pause else [bytes([one]) for one in canned.body]:
                time.sleep(canned.pause)
                self._write(piece)

        def _write(self, piece: bytes) -> None:
            try:
                self.wfile.write(piece)
            except OSError:  # nobody listens any more
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler

"""A FHIR server on loopback that fails in one chosen way: raw sockets, in a thread of its own.

    with EhrStub(slow(9.0), resources=chart) as ehr:      # every request is slow
    with EhrStub(resources=chart, by_type={"Observation": reset}) as ehr:      # only these searches break off

`ehr.base_url` is what a hook request names as its `fhirServer`; `ehr.requests` is what reached the server. A behaviour
answers one request; the plain ones (`good`, `reset`) are passed as they are, the others are made by a call.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

__all__ = [
    "Behaviour",
    "Call",
    "EhrStub",
    "Seen",
    "answering",
    "closed_port",
    "drip",
    "garbage",
    "good",
    "gzip_bomb",
    "head",
    "huge",
    "huge_header",
    "in_turn",
    "linking",
    "outcome",
    "paged",
    "redirect",
    "reset",
    "searchset",
    "slow",
    "status",
    "tiny_chunks",
    "truncated",
]

JSON = "application/fhir+json"
Resource = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A request that reached the server; names of headers are in lower case, `steps` is the path below the base."""

    method: str
    target: str
    headers: Mapping[str, str]
    steps: tuple[str, ...]

    @property
    def type(self) -> str:
        return self.steps[0]

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization")


@dataclass
class Call:
    """One request to be answered: what was seen, what the server holds, and the socket to answer on."""

    seen: Seen
    ehr: EhrStub
    writer: asyncio.StreamWriter

    @property
    def found(self) -> list[Resource]:
        """What the server holds of the type that was asked for."""
        return [one for one in self.ehr.resources if one["resourceType"] == self.seen.type]

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, code: int, body: bytes, **headers: str) -> None:
        await self.write(head(code, {"Content-Type": JSON, "Content-Length": str(len(body))} | headers) + body)

    async def answer_json(self, value: object, code: int = 200) -> None:
        await self.answer(code, json.dumps(value).encode())


Behaviour = Callable[[Call], Awaitable[None]]


@dataclass
class EhrStub:
    """The server; it listens from `__enter__` to `__exit__`."""

    behave: Behaviour | None = None
    resources: Iterable[Resource] = ()
    by_type: Mapping[str, Behaviour] = field(default_factory=dict)
    prefix: str = "/fhir"
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, limit=1_000_000)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{self.prefix}"

    async def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                seen = self._seen((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                self.requests.append(seen)
                behave = self.by_type.get(seen.type) or self.behave or good
                await behave(Call(seen, self, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the server is to stop
        finally:
            writer.transport.abort()

    def _seen(self, text: str) -> Seen:
        first, *lines = text.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        steps = urlsplit(target).path.removeprefix(self.prefix).strip("/").split("/")
        return Seen(method, target, headers, tuple(steps))


def head(code: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} Answer", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def searchset(resources: Iterable[Resource], **links: str) -> Resource:
    """Return a search's answer, with links by their relation."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [{"resource": one, "search": {"mode": "match"}} for one in resources],
    }


def closed_port() -> str:
    """Return a base URL at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/fhir"


async def good(call: Call) -> None:
    """Answer reads and searches by type with what the server holds."""
    match call.seen.steps:
        case (_, name):
            found = next((one for one in call.found if one["id"] == name), None)
            await (call.answer_json(found) if found else outcome(404, "not-found")(call))
        case _:
            await call.answer_json(searchset(call.found))


def answering(body: bytes, **headers: str) -> Behaviour:
    """Answer 200 with this body; headers may be others than FHIR's."""

    async def behave(call: Call) -> None:
        await call.answer(200, body, **headers)

    return behave


def outcome(code: int, issue: str = "exception") -> Behaviour:
    """Answer with an OperationOutcome under a status, which may be 200."""

    async def behave(call: Call) -> None:
        issues = [{"severity": "error", "code": issue}]
        await call.answer_json({"resourceType": "OperationOutcome", "issue": issues}, code)

    return behave


def status(code: int) -> Behaviour:
    """Answer with a status and an empty body."""

    async def behave(call: Call) -> None:
        await call.answer(code, b"")

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Answer the first request for a type in the first way, and so on; then in the last."""

    async def behave(call: Call) -> None:
        before = sum(seen.type == call.seen.type for seen in call.ehr.requests) - 1
        await behaviours[min(before, len(behaviours) - 1)](call)

    return behave


def slow(seconds: float, then: Behaviour = good) -> Behaviour:
    """Say nothing for a while."""

    async def behave(call: Call) -> None:
        await asyncio.sleep(seconds)
        await then(call)

    return behave


def drip(seconds: float) -> Behaviour:
    """Send one byte, wait, send the next: each read succeeds, the whole never ends."""

    async def behave(call: Call) -> None:
        body = json.dumps(searchset(call.found)).encode()
        for byte in head(200, {"Content-Type": JSON, "Content-Length": str(len(body))}) + body:
            await call.write(bytes([byte]))
            await asyncio.sleep(seconds)

    return behave


async def reset(call: Call) -> None:
    """Break the connection off in the middle of the body, by RST."""
    await call.write(head(200, {"Content-Type": JSON, "Content-Length": "1000"}) + b'{"resourceType": "Bundle", "entry')
    connection = call.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


async def truncated(call: Call) -> None:
    """Promise more bytes than come, and close."""
    body = json.dumps(searchset(call.found)).encode()
    await call.write(head(200, {"Content-Type": JSON, "Content-Length": str(len(body) + 100)}) + body)
    raise ConnectionAbortedError


async def garbage(call: Call) -> None:
    """Answer with what is not HTTP."""
    await call.write(b"\x00\xff\x16\x03 this is no HTTP \r\n\r\n" * 10)
    raise ConnectionAbortedError


def huge_header(size: int = 1_000_000) -> Behaviour:
    """Answer with a header that does not end."""

    async def behave(call: Call) -> None:
        await call.answer(200, b"{}", X_Long="a" * size)

    return behave


def gzip_bomb(size: int = 100_000_000) -> Behaviour:
    """Answer with few bytes that are many once unpacked, though nobody asked for gzip."""
    return answering(gzip.compress(b" " * size, 1), Content_Encoding="gzip")


def huge(size: int, *, declared: bool = True) -> Behaviour:
    """Answer with a body of so many bytes; undeclared, it comes in chunks."""

    async def behave(call: Call) -> None:
        if declared:
            await call.write(head(200, {"Content-Type": JSON, "Content-Length": str(size)}))
        else:
            await call.write(head(200, {"Content-Type": JSON, "Transfer-Encoding": "chunked"}))
        part = b" " * 65536
        for _ in range(size // len(part)):
            await call.write(part if declared else b"%x\r\n%b\r\n" % (len(part), part))

    return behave


def tiny_chunks(size: int) -> Behaviour:
    """Answer with a body of so many bytes, each a chunk of its own."""

    async def behave(call: Call) -> None:
        await call.write(head(200, {"Content-Type": JSON, "Transfer-Encoding": "chunked"}))
        for _ in range(size // 10_000):
            await call.write(b"1\r\n \r\n" * 10_000)

    return behave


def paged(size: int, *, most: int | None = None) -> Behaviour:
    """Answer searches in pages of `size`; there is always a next page up to the `most` that exist."""

    async def behave(call: Call) -> None:
        start = int(call.seen.parameters.get("_offset", ["0"])[0])
        found = call.found
        end = len(found) if most is None else most
        page = found[start : start + size]
        links = {}
        if start + size < end:
            links["next"] = f"{call.ehr.base_url}/{call.seen.type}?_offset={start + size}"
        await call.answer_json(searchset(page, **links))

    return behave


def linking(url: Callable[[Call], str] | str) -> Behaviour:
    """Answer searches with what there is and a next link to this URL, whichever page was asked for."""

    async def behave(call: Call) -> None:
        await call.answer_json(searchset(call.found, next=url if isinstance(url, str) else url(call)))

    return behave


def redirect(url: str) -> Behaviour:
    """Send the client elsewhere."""

    async def behave(call: Call) -> None:
        await call.answer(302, b"", Location=url)

    return behave

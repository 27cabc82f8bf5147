"""A request changed in its bytes, its headers, or how it arrives."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from random import Random

__all__ = ["altered", "headers_for", "target_for"]

Headers = tuple[tuple[bytes, bytes], ...]

_INSERTED = (
    *(b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b'"', b"\\", b"\\u", b"{"),
    *(b"}", b"[", b"]", b",", b":", b"NaN", b"null", b"//", b"/**/", b"\\ud800", b" " * 5_000, b"[" * 100, b"9" * 400),
)


def altered(chance: Random, body: bytes) -> bytes:
    """Return a body with one to four changes of its bytes."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        body = chance.choice(_CHANGES)(chance, body)
    return body


def _flip(chance: Random, body: bytes) -> bytes:
    written = bytearray(body or b" ")
    written[chance.randrange(len(written))] ^= 1 << chance.randrange(8)
    return bytes(written)


def _insert(chance: Random, body: bytes) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + chance.choice(_INSERTED) + body[at:]


def _cut(chance: Random, body: bytes) -> bytes:
    start, end = sorted(chance.randint(0, len(body)) for _ in range(2))
    return chance.choice((body[:start], body[start:], body[:start] + body[end:], body[:end] + body[start:]))


def _encode(chance: Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    codec = chance.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-7", "utf-8-sig"))
    return text.encode(codec, "replace")


def _escape(_chance: Random, body: bytes) -> bytes:
    """Write the first letter of every text as an escape: it says the same."""
    return re.sub(rb'"([a-z])', lambda found: b'"\\u%04x' % found[1][0], body)


def _compress(_chance: Random, body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _surround(chance: Random, body: bytes) -> bytes:
    before, after = chance.choice(((b" \n", b"\t"), (b"", b"}"), (b")]}',\n", b""), (b"cb(", b");"), (b"", body)))
    return before + body + after


_CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _flip, _insert, _insert, _cut, _cut, _encode, _escape, _compress, _surround),
)

# -- what stands before the body --------------------------------------------------------------------------------

_STRANGE_HEADERS: Headers = (
    *(
        (b"content-type", one)
        for one in (
            *(b"", b"text/plain", b"application/fhir+json", b"application/JSON ; charset=utf-16", b"application/xml"),
            *(
                b"application/json;;;=",
                b"multipart/form-data",
                b"\xff\xfe",
                b"a" * 5_000,
                b"+json",
                b"application/x+json",
            ),
        )
    ),
    *((b"content-encoding", one) for one in (b"gzip", b"identity", b"br, gzip", b"", b"\xff", b"IDENTITY")),
    *(
        (b"content-length", one)
        for one in (b"0", b"-1", b"10000001", b"9" * 5_000, b"1e9", b"\xb2", b"+5", b"5, 5", b"0x10", b"", b" 7")
    ),
    *((b"transfer-encoding", b"chunked"), (b"expect", b"100-continue"), (b"x-forwarded-for", b"\xff"), (b"host", b"")),
    *((b"traceparent", one) for one in (b"00-0-0-00", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", b"\xff" * 90)),
    *((b"origin", one) for one in (b"null", b"https://ehr.example.org", b"\xff", b"https://a\r\nx: y")),
    *((b"accept", b"text/html"), (b"accept", b"application/fhir+xml"), (b"cookie", b"a=b; a=c; =;;"), (b"range", b"x")),
    *((b"access-control-request-method", b"POST"), (b"prefer", b"respond-async"), (b"connection", b"upgrade")),
    *((b"", b""), (b"x" * 300, b"y" * 5_000), (b"authorization", b"Basic dXNlcjpwYXNz"), (b"authorization", b"")),
    *((b"authorization", b"Bearer " + one) for one in (b"", b"a.b.c", b"e30.e30.", b"\xff", b"." * 9_000, b"{}")),
)
_METHODS = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post", "")
_PATHS = ("{0}/", "{0}%00", "{0}/canary000000z", "/cds-services/x", "/cds-services//", "{0}/../..", "/{0}", "/", "\x00")


def headers_for(chance: Random, headers: Headers) -> Headers:
    """Return headers of which some are strange, twice, or gone."""
    more = [*headers, *chance.sample(_STRANGE_HEADERS, chance.randint(0, 3))]
    if chance.random() < 0.3:
        more = [one for one in more if one[0] != b"content-type"]
    if chance.random() < 0.2:
        more.append(chance.choice(more or [(b"x", b"y")]))
    chance.shuffle(more)
    return tuple(more)


def target_for(chance: Random, method: str, path: str, paths: tuple[str, ...]) -> tuple[str, str]:
    """Return another method or another path, most often that of another service."""
    if chance.random() < 0.5:
        return method, chance.choice(paths)
    if chance.random() < 0.5:
        return chance.choice(_METHODS), path
    return method, chance.choice(_PATHS).format(path)

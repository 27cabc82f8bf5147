"""Addresses that an operator may write down."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

__all__ = ["Http", "check_address"]

Http = Literal["never", "loopback", "anywhere"]
"""Where http, which anybody on the way can read and change, will do."""

_PLAIN: Final = re.compile(r"https?://[!-~]+", re.ASCII)


def check_address(url: str, *, http: Http = "never") -> None:
    """Raise ValueError, whose text is a predicate, unless `url` is an https address, or an http one where that will do.

    A user, a password or a fragment has no place in it.
    """
    if not _PLAIN.fullmatch(url):
        raise ValueError("must start with https://, in ASCII and without spaces")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host:
        raise ValueError("must name a host, and a port only as a number")
    if "@" in parts.netloc or "#" in url:
        raise ValueError("must have no user, password or fragment")
    if parts.scheme == "http" and http != "anywhere" and not (http == "loopback" and _is_loopback(host)):
        raise ValueError("must start with https://; http:// is for sandboxes, and for keys on the same machine")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Keys over time: they change, their server fails, many ask at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.errors import NotAuthenticated
from cds_service.security import (
    InMemoryReplayGuard,
    KeysNotFetched,
    KeyStore,
    TrustedClient,
    Verifier,
    fetcher,
    jwks,
)
from tests.unit.security.jwks_server import JwksServer, serving
from tests.unit.security.world import ISS, JKU, NOW, URL, bearer, claims, client, header, key, run

HOUR = 3600.0
OLD, NEW = key("ES384", "old"), key("ES384", "new")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with serving(OLD) as running:
        yield running


def door(clock: Clock, *clients: TrustedClient, fetch: Any = None) -> Verifier:
    """What lets in clients whose keys are fetched; `clock` is that of the keys, tokens are always of today."""
    keys = KeyStore(fetch or fetcher(sandbox=True), clock=clock)
    return Verifier(clients, keys=keys, replay=InMemoryReplayGuard(lambda: NOW), clock=lambda: NOW)


def remote(*jku: str, **changes: Any) -> TrustedClient:
    return client(pinned=None, jku=jku, single_use=False, **changes)


def ask(by: Verifier, kid: str = "old", **changes: Any) -> str:
    """Return `in`, or why a call with a token of that key is refused."""
    return run(ask_async(by, kid, **changes))


async def ask_async(by: Verifier, kid: str = "old", *, iss: str = ISS, **changes: Any) -> str:
    try:
        await by.verify(bearer(claims(iss=iss), header(kid=kid, **changes), by=key("ES384", kid)), audience=URL)
    except NotAuthenticated as refusal:
        return refusal.code
    return "in"


@pytest.mark.requirement("J6")
def test_keys_are_fetched_when_they_are_needed_and_kept(clock: Clock, server: JwksServer) -> None:
    by = door(clock, remote(server.url))
    assert server.requests == []
    assert [ask(by) for _ in range(5)] == ["in"] * 5
    assert len(server.requests) == 1


@pytest.mark.requirement("J6")
def test_a_new_key_is_found_at_once_and_the_old_one_stays_good_while_it_is_published(
    clock: Clock, server: JwksServer
) -> None:
    by = door(clock, remote(server.url))
    ask(by)
    clock.now += 60
    server.publish(OLD, NEW)
    assert [ask(by, "new"), ask(by, "old")] == ["in", "in"]
    assert len(server.requests) == 2


@pytest.mark.requirement("J6")
def test_a_key_that_is_withdrawn_is_refused_after_ten_minutes(clock: Clock, server: JwksServer) -> None:
    by = door(clock, remote(server.url))
    ask(by)
    server.publish(NEW)
    clock.now += 599
    assert ask(by) == "in"
    clock.now += 1
    assert ask(by) == "key-unknown"


@pytest.mark.requirement("J6")
def test_all_keys_may_be_withdrawn(clock: Clock, server: JwksServer) -> None:
    by = door(clock, remote(server.url))
    ask(by)
    server.publish()
    clock.now += 600
    assert ask(by) == "key-unknown"


@pytest.mark.requirement("J5")
def test_unknown_keys_cause_one_fetch_per_minute(clock: Clock, server: JwksServer) -> None:
    by = door(clock, remote(server.url))
    ask(by)
    for second in range(1, 180):
        clock.now = float(second)
        assert ask(by, "new") == "key-unknown"
        assert ask(by, "old") == "in"
    assert len(server.requests) == 3


@pytest.mark.requirement("J5")
def test_unknown_keys_of_one_client_do_not_use_up_the_fetch_of_another(clock: Clock, server: JwksServer) -> None:
    second = remote(server.url, name="second", iss="https://second.example")
    by = door(clock, remote(server.url), second)
    assert ask(by, "new") == "key-unknown"
    assert ask(by, "old", iss="https://second.example") == "in"


@pytest.mark.requirement("J6")
@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"body": b"<html>"},
        {"body": b'{"error":"busy"}'},
        {"body": b'{"keys":{}}'},
        {"body": b"[" * 9000},
        {"body": b" " * 200_000},
        {"headers": {"Content-Encoding": "gzip"}},
    ],
    ids=["500", "redirect", "a page", "no keys", "keys are no array", "deep", "long", "said to be compressed"],
)
def test_while_keys_cannot_be_fetched_those_at_hand_are_good_for_a_day(
    trouble: dict[str, Any], clock: Clock, server: JwksServer
) -> None:
    by = door(clock, remote(server.url))
    ask(by)
    for name, value in trouble.items():
        setattr(server, name, value)
    clock.now = 24 * HOUR - 1
    assert [ask(by), ask(by, "new")] == ["in", "key-unknown"]
    clock.now += 1
    assert [ask(by), ask(by, "new")] == ["keys-unavailable", "keys-unavailable"]


class Publisher:
    """Publishes keys as far as it is let, and counts."""

    def __init__(self, *keys: Any) -> None:
        self.body = json.dumps(jwks(*keys)).encode()
        self.fetches: list[str] = []
        self.trouble: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, url: str) -> bytes:
        self.fetches.append(url)
        await self.open.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.body


@pytest.mark.parametrize("trouble", [KeysNotFetched("is away"), OSError(), ValueError(), TimeoutError()])
def test_a_fetch_may_fail_in_any_way(trouble: Exception, clock: Clock) -> None:
    published = Publisher(OLD)
    by = door(clock, remote(JKU), fetch=published)
    ask(by)
    published.trouble = trouble
    clock.now = HOUR
    assert ask(by) == "in"


def test_a_server_that_is_away_is_asked_once_a_minute_while_there_are_keys(clock: Clock) -> None:
    published = Publisher(OLD)
    by = door(clock, remote(JKU), fetch=published)
    ask(by)
    published.trouble = KeysNotFetched("is away")
    for second in range(600, 720):
        clock.now = float(second)
        assert ask(by) == "in"
    assert len(published.fetches) == 3


def test_without_any_keys_their_server_is_asked_again_soon(clock: Clock) -> None:
    published = Publisher(OLD)
    published.trouble = KeysNotFetched("is not up yet")
    by = door(clock, remote(JKU), fetch=published)
    assert [ask(by), ask(by)] == ["keys-unavailable", "keys-unavailable"]
    assert len(published.fetches) == 1
    published.trouble = None
    clock.now = 5
    assert ask(by) == "in"


def test_calls_at_the_same_moment_share_one_fetch(clock: Clock) -> None:
    published = Publisher(OLD)
    by = door(clock, remote(JKU), fetch=published)

    async def all_at_once() -> list[str]:
        published.open = asyncio.Event()
        calls = [asyncio.create_task(ask_async(by)) for _ in range(50)]
        await asyncio.sleep(0)
        published.open.set()
        return await asyncio.gather(*calls)

    assert run(all_at_once()) == ["in"] * 50
    assert published.fetches == [JKU]


def test_a_caller_who_hangs_up_does_not_end_the_fetch_for_the_others(clock: Clock) -> None:
    published = Publisher(OLD)
    by = door(clock, remote(JKU), fetch=published)

    async def first_hangs_up() -> str:
        published.open = asyncio.Event()
        first, second = (asyncio.create_task(ask_async(by)) for _ in range(2))
        while not published.fetches:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        published.open.set()
        return await second

    assert run(first_hangs_up()) == "in"
    assert len(published.fetches) == 1


@pytest.mark.requirement("J5")
def test_an_address_that_is_not_the_clients_is_never_fetched(clock: Clock, server: JwksServer) -> None:
    with serving(NEW) as evil:
        by = door(clock, remote(server.url))
        assert ask(by, "new", jku=evil.url) == "key-address"
        assert evil.requests == []


@pytest.mark.requirement("J5")
def test_keys_count_at_the_address_that_the_token_names(clock: Clock) -> None:
    with serving(OLD) as first, serving(NEW) as second:
        by = door(clock, remote(first.url, second.url))
        assert [ask(by, "new", jku=second.url), ask(by, "new", jku=first.url)] == ["in", "key-unknown"]
        assert [ask(by, "new"), ask(by, "old")] == ["in", "in"]


@pytest.mark.requirement("J5")
def test_beside_pinned_keys_nothing_is_fetched(clock: Clock, server: JwksServer) -> None:
    by = door(clock, client(jku=(server.url,)))
    assert [ask(by, "first", jku=server.url), ask(by, "old", jku=server.url)] == ["in", "key-unknown"]
    assert server.requests == []


def test_a_bare_array_of_keys_is_read_where_that_is_asked_for(clock: Clock, server: JwksServer) -> None:
    jwk = OLD.jwk()
    jwk.pop("kid")
    server.answer([{"pem": jwk, "id": "old", "timestamp": "2026-01-01"}, NEW.jwk()])
    lenient, strict = remote(server.url, key_form="array"), remote(server.url)
    assert [ask(door(clock, lenient), kid) for kid in ("old", "new")] == ["in", "in"]
    assert ask(door(clock, strict)) == "keys-unavailable"


def test_keys_that_cannot_be_used_do_not_hide_those_that_can(clock: Clock, server: JwksServer) -> None:
    unusable = [None, {}, {"kty": "oct", "k": "c2VjcmV0", "kid": "old"}, {**OLD.jwk(), "use": "enc"}]
    server.answer({"keys": [*unusable, OLD.jwk()]})
    assert ask(door(clock, remote(server.url))) == "in"


def test_what_keeps_keys_away_is_logged_without_what_was_sent(
    clock: Clock, server: JwksServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.body = b"canary"
    assert ask(door(clock, remote(server.url))) == "keys-unavailable"
    (told,) = [vars(one) for one in caplog.records if one.getMessage() == "keys not fetched"]
    assert (told["client"], told["address"]) == ("general-hospital", server.url)
    assert told["fault"] == "is not valid JSON: at byte 0"
    assert "canary" not in str(told)

from __future__ import annotations

import json

from cds_service.client import Answer, HookRequest, Reply, saved

CANARY = "canary-of-a-token"


def kept(body: bytes, answer: bytes) -> bytes:
    return saved(HookRequest.read(body), Answer.of(Reply("http://h/x", 200, answer, None, 12.34)))


def test_an_exchange_is_kept_as_it_was():
    exchange = kept(b'{"hook": "order-sign", "context": {"dose": 2.50}}', b'{"cards": []}')
    assert json.loads(exchange) == {
        "request": {"method": "POST", "url": "http://h/x", "body": {"hook": "order-sign", "context": {"dose": 2.5}}},
        "response": {"status": 200, "milliseconds": 12.3, "body": {"cards": []}},
    }
    assert b"2.50" in exchange


def test_no_access_token_is_kept():
    body = json.dumps({"hook": "x", "fhirAuthorization": {"access_token": CANARY, "scope": "user/*.rs"}}).encode()
    exchange = kept(body, b'{"cards": []}')
    assert CANARY.encode() not in exchange
    assert json.loads(exchange)["request"]["body"]["fhirAuthorization"] == {"access_token": "", "scope": "user/*.rs"}


def test_what_is_no_json_is_kept_as_text():
    assert json.loads(kept(b"{}", b"<html>\xff"))["response"]["body"] == "<html>\ufffd"

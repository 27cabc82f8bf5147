"""The bytes: what is JSON, and what only looks like it."""

from __future__ import annotations

from tests.replay.replay import MET, O1, replaced, replay, written

WIRE = [
    replay("an empty body", b"", 400),
    replay("an empty array", b"[]", 400),
    replay("null", b"null", 400),
    replay("a text alone", b'"order-sign"', 400),
    replay("an empty object", b"{}", 400, "context"),
    written("NaN", replaced('"p1"', "NaN"), 400),
    written("infinity", replaced('"p1"', "-Infinity"), 400),
    written("a comment", replaced("{", "{ // our request\n"), 400),
    written("a comma at the end", lambda body: body[:-1] + b",}", 400),
    written("a surplus brace", lambda body: body + b"}", 400),
    written("text after the end", lambda body: body + b" <!-- sent -->", 400),
    written("blanks around it", lambda body: b" \r\n" + body + b"\n\t", {O1: MET}),
    written("cut off", lambda body: body[:-9], 400),
    written("a byte order mark", lambda body: b"\xef\xbb\xbf" + body, 400),
    written("UTF-16", lambda body: body.decode().encode("utf-16"), 400),
    written("bytes that are no UTF-8", lambda body: body.replace(b'"e1"', b'"\xff"'), 400),
    written("a surrogate on its own", replaced('"p1"', '"\\ud83d"'), 400),
    written("a pair of surrogates", replaced('"encounterId":"e1"', '"encounterId":"\\ud83d\\ude00"'), {O1: MET}),
    written("a control character", replaced('"e1"', '"e\x01"'), 400),
    written("1e400", replaced('"e1"', '"e1", "weight": 1e400'), {O1: MET}),
    written("an exponent beyond measure", replaced('"e1"', '"e1", "weight": 1e99999999999999999999'), 400),
    written("a huge integer", replaced('"e1"', '"e1", "weight": ' + "9" * 300), {O1: MET}),
    written("an integer beyond measure", replaced('"e1"', '"e1", "weight": ' + "9" * 5000), 400),
    written("65 levels", replaced('"e1"', '"e1", "deep": ' + "[" * 63 + "]" * 63), 400),
    written("64 levels", replaced('"e1"', '"e1", "deep": ' + "[" * 62 + "]" * 62), {O1: MET}),
    written(
        "a member named twice in an order",
        replaced('"intent"', '"status":"active", "intent"'),
        400,
        "context.draftOrders",
    ),
    written("a member named twice elsewhere", replaced('"hook"', '"hook":"x", "hook"'), {O1: MET}),
    written("escapes where none are needed", replaced('"draftOrders"', '"\\u0064raftOrders"'), {O1: MET}),
]

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.client import Answer, HookRequest, Reply, advice, in_words
from tests.made_up import order, request

REQUEST = HookRequest.read(json.dumps(request()).encode())
HOSTILE = "a\x1b[2J\x1b]0;owned\x07\u202eb\u200b\r\n\tc&#27;[31m"
CARD: dict[str, Any] = {
    "uuid": "0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b",
    "summary": "Replace: criteria met.",
    "detail": "## Replace\n- **Met** – broken",
    "indicator": "warning",
    "source": {"label": "Widget board", "topic": {"system": "urn:t", "code": "guideline", "display": "Guideline"}},
    "suggestions": [
        {
            "label": "Remove it",
            "isRecommended": True,
            "actions": [{"type": "delete", "description": "Take it out", "resourceId": "ServiceRequest/o1"}],
        }
    ],
    "selectionBehavior": "any",
    "overrideReasons": [{"code": "x", "system": "urn:r", "display": "Seen elsewhere"}],
    "links": [{"label": "Policy", "url": "https://p.example/x", "type": "absolute"}],
}


def answered(content: object, status: int = 200, location: str | None = None) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer.of(Reply("http://h/cds-services/x", status, body, location, 1.0))


def told(content: object, status: int = 200) -> list[str]:
    return list(in_words(answered(content, status), REQUEST))


def outcome(**issue: object) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", **issue}]}


def test_a_card_is_told_whole():
    assert told({"cards": [CARD]}) == [
        "WARNING  Replace: criteria met.",
        "  Widget board, Guideline",
        "",
        "  Replace",
        "  - Met – broken",
        "",
        "  suggestions (any):",
        "    - Remove it (recommended)",
        "        delete ServiceRequest/o1: Take it out",
        "",
        "  links:",
        "    - Policy: https://p.example/x",
        "",
        "  reasons to override:",
        "    - Seen elsewhere",
    ]


def test_no_cards_are_told():
    assert told({"cards": []}) == ["no cards"]


def test_a_system_action_is_told_by_what_it_changes_in_the_order():
    changed = {**order(), "priority": "stat"}
    action = {"type": "update", "description": "Make it urgent", "resource": changed}
    lines = told({"cards": [], "systemActions": [action]})
    assert lines[0] == "SYSTEM ACTION  update ServiceRequest/o1: Make it urgent"
    assert [line for line in lines if line.startswith("  +")] == ['  +  "priority": "stat",']
    assert not [line for line in lines if line.startswith("  -")]


def test_an_action_that_changes_nothing_is_told_so():
    action = {"type": "update", "description": "Nothing", "resource": order()}
    assert told({"cards": [], "systemActions": [action]})[1:] == ["  (nothing changes)"]


def test_an_update_of_what_was_not_sent_is_told_so():
    action = {"type": "update", "description": "Another", "resource": order("o9")}
    assert told({"cards": [], "systemActions": [action]})[1] == "  (the request holds no such resource)"


def test_an_answer_that_breaks_the_standard_is_shown_and_said_to():
    lines = told({"cards": [{**CARD, "summary": "x" * 140}]})
    assert lines[0] == f"WARNING  {'x' * 140}"
    assert lines[-1] == "not as CDS Hooks 2.0 has it: `cards[0].summary` must have at most 139 characters"


def test_an_error_is_told_in_words():
    issue = {"details": {"text": "is required"}, "expression": ["context.patientId"]}
    assert told(outcome(**issue), 400) == ["error invalid: is required (at context.patientId)"]
    assert told(outcome(diagnostics="no such thing"), 400) == ["error invalid: no such thing"]
    assert told(outcome(), 400) == ["error invalid: (no text)"]


def test_an_error_in_another_form_is_shown_as_it_came_and_not_without_end():
    assert told(b"<h1>Bad gateway</h1>", 502) == ["<h1>Bad gateway</h1>"]
    assert told(b"", 500) == ["(an empty body)"]
    assert told(b"line\n" * 50, 500)[-2:] == ["line", "…"]


def hostile_answers() -> list[tuple[object, int]]:
    def poisoned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: poisoned(one) for name, one in value.items()}
        return [poisoned(one) for one in value] if isinstance(value, list) else HOSTILE if type(value) is str else value

    action = {"type": "update", "description": HOSTILE, "resource": {"resourceType": HOSTILE, "id": HOSTILE}}
    return [
        ({"cards": [poisoned(CARD)], "systemActions": [action]}, 200),
        ({**outcome(details={"text": HOSTILE}, expression=[HOSTILE]), "x": HOSTILE}, 400),
        (HOSTILE.encode(), 500),
    ]


@pytest.mark.parametrize(("content", "status"), hostile_answers())
def test_no_line_of_a_server_does_anything_to_a_terminal(content: object, status: int):
    lines = told(content, status)
    assert lines
    assert [line for line in lines if not line.isprintable()] == []


@pytest.mark.parametrize(
    "content",
    [
        {"cards": [7, None, {}]},
        {"cards": [{"source": 3, "suggestions": [1], "links": "x", "detail": 4}]},
        {"cards": [{"suggestions": [{"actions": [{}, {"resource": 3}]}]}], "systemActions": [{}, {"resource": {}}, 5]},
    ],
)
def test_an_answer_of_any_shape_is_shown_as_far_as_it_goes(content: object):
    assert told(content)[-1].startswith("not as CDS Hooks 2.0 has it: ")


@pytest.mark.parametrize(
    ("status", "content", "signed", "said"),
    [
        (401, b"", False, "--key"),
        (401, b"", True, "trust this token"),
        (412, b"", False, "--fhir-server"),
        (404, b"", False, "--service"),
        (500, b"", False, "failed"),
        (418, b"", False, "refused"),
        (200, b"{}", False, "`cards`"),
        (302, b"", False, "elsewhere: http://new.example"),
    ],
)
def test_what_to_do_is_said(status: int, content: bytes, signed: bool, said: str):
    assert said in advice(answered(content, status, "http://new.example"), signed=signed)

"""What holds for messages of every kind."""

import pickle
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_service.cds_hooks import (
    Card,
    Discovery,
    Link,
    PatientViewContext,
    ProtocolError,
    Response,
    Source,
    parse,
    parse_feedback,
    to_json_object,
)

from . import messages
from .messages import CANARY, HOOKS, objects, places, refused_at

Read = Callable[[object], Any]

KINDS: dict[str, tuple[dict[str, Any], Read]] = {
    **{hook: (messages.request(hook), partial(parse, hook=hook)) for hook in HOOKS},
    "discovery": (messages.discovery(), Discovery.read),
    "feedback": (messages.feedback(), parse_feedback),
    "response": (messages.response(), Response.read),
}

every_kind = pytest.mark.parametrize(("example", "read"), KINDS.values(), ids=KINDS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
)


def as_written(example: dict[str, Any]) -> dict[str, Any]:
    """The example without its access token, which is never written."""
    written = deepcopy(example)
    written.get("fhirAuthorization", {}).pop("access_token", None)
    return written


def shown(read: Read, body: object) -> str:
    """All that a log could say of the message, or of the fault found in it."""
    try:
        message = read(body)
    except ProtocolError as fault:
        return f"{fault} {fault!r} {fault.__cause__!r} {fault.__context__!r}"
    return f"{message} {message!r}"


@every_kind
def test_what_is_read_is_written_again(example: dict[str, Any], read: Read):
    assert to_json_object(read(example)) == as_written(example)


@pytest.mark.requirement("X2")
@every_kind
def test_unknown_members_are_kept_at_every_level(example: dict[str, Any], read: Read):
    example = deepcopy(example)
    for part in list(objects(example)):
        part["org.example.unknown"] = {"nothing": None, "empty": []}
    if "services" in example:  # a prefetch template is a string
        del example["services"][0]["prefetch"]["org.example.unknown"]
    assert to_json_object(read(example)) == as_written(example)


@every_kind
def test_members_are_written_in_the_order_of_the_standard(example: dict[str, Any], read: Read):
    shuffled = dict(reversed(example.items()))
    assert list(to_json_object(read(shuffled))) == list(to_json_object(read(example)))


@every_kind
def test_a_message_does_not_change(example: dict[str, Any], read: Read):
    message = read(example)
    with pytest.raises(ValidationError, match="frozen"):
        message.extension = None


@every_kind
def test_reading_does_not_change_what_is_read(example: dict[str, Any], read: Read):
    before = deepcopy(example)
    to_json_object(read(example))
    assert example == before


@every_kind
@pytest.mark.parametrize("wrong", [CANARY, [CANARY], {CANARY: CANARY}, 7.5, True, None], ids=repr)
def test_neither_fault_nor_repr_tells_a_value(example: dict[str, Any], read: Read, wrong: object):
    """Every member of every message is made wrong in turn."""
    for position in range(len(list(places(example)))):
        broken = deepcopy(example)
        holder, key = list(places(broken))[position]
        holder[key] = wrong
        assert CANARY not in shown(read, broken)


@every_kind
@given(value=JSON)
def test_any_json_is_read_or_refused(example: dict[str, Any], read: Read, value: object):
    for body in (value, *(example | {member: value} for member in example)):
        assert shown(read, body)


@pytest.mark.parametrize("value", [None, [], "{}", 3, True])
def test_a_message_is_an_object(value: object):
    with pytest.raises(ProtocolError, match=r"^the message must be an object$"):
        Response.read(value)


def test_a_fault_names_its_place():
    body = messages.response()
    body["cards"].append(messages.card() | {"source": {}})
    with pytest.raises(ProtocolError, match=r"^`cards\[1\].source.label` is required$"):
        Response.read(body)


def test_construction_is_checked_as_reading_is():
    with refused_at("indicator"):
        Card(summary="A card", indicator="hard-stop", source=Source(label="Example"))


def test_a_fault_carries_no_other_error_along():
    with pytest.raises(ProtocolError) as fault:
        Source(label=[CANARY])
    assert fault.value.__cause__ is None
    assert fault.value.__context__ is None


def test_a_fault_survives_pickling():
    fault = pickle.loads(pickle.dumps(ProtocolError("context.patientId", "is required")))  # noqa: S301
    assert (fault.path, fault.reason) == ("context.patientId", "is required")
    assert str(fault) == "`context.patientId` is required"


def test_a_python_name_on_the_wire_is_an_unknown_member():
    context = PatientViewContext.read({"patientId": "pat-1", "patient_id": "pat-2"})
    assert context.patient == "pat-1"
    assert to_json_object(context)["patient_id"] == "pat-2"
    with refused_at("patientId"):
        PatientViewContext.read({"patient_id": "pat-1"})


@pytest.mark.requirement("D5")
def test_members_without_value_are_not_written():
    link = Link(label="Policy", url="https://example.org", type="absolute", app_context=None)
    assert to_json_object(link) == {"label": "Policy", "url": "https://example.org", "type": "absolute"}


def test_false_is_a_value():
    link = Link(label="Policy", url="https://example.org", type="absolute", autolaunchable=False)
    assert to_json_object(link)["autolaunchable"] is False


@pytest.mark.requirement("D5")
@given(text=st.text(min_size=1), flag=st.booleans() | st.none())
def test_nothing_written_is_null_or_empty(text: str, flag: bool | None):
    link = Link(label=text, url="https://example.org", type="smart", autolaunchable=flag, app_context=text)
    card = Card(summary="A card", detail=text, indicator="info", source=Source(label=text), links=(link,))
    written = to_json_object(Response(cards=(card,)))
    assert all(holder[key] not in (None, "", [], {}) for holder, key in places(written))

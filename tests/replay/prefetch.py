"""The states of a prefetch key, and what clients send under it."""

from __future__ import annotations

from typing import Any

from tests.made_up import PATIENT, finding
from tests.replay.clients import GONE, SERVER, found, lacking_finding
from tests.replay.replay import MET, MET_IN_PART, MISSING, NOT_MET, O1, Answer, Replay, signing


def prefetching(name: str, value: Any, answer: Answer, *shows: str) -> Replay:
    return signing(name, {"prefetch.observation": value}, answer, *shows)


PREFETCH = [
    signing("no prefetch", {"prefetch": GONE}, {O1: MISSING}, "P5", "found-32", "conf-12"),
    signing("a prefetch of null", {"prefetch": None}, {O1: MISSING}, "P5"),
    signing("an empty prefetch", {"prefetch": {}}, {O1: MISSING}, "P5"),
    signing("keys of the client's own", {"prefetch": {"x": PATIENT, "y": found(finding())}}, {O1: MET_IN_PART}),
    prefetching("a key that is missing", GONE, {O1: MISSING}, "P5", "found-32"),
    prefetching("a key of null", None, {O1: MISSING}, "P5", "found-32"),
    prefetching(
        "a key that failed", {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}, {O1: MISSING}, "P5"
    ),
    prefetching("an outcome without issues", {"resourceType": "OperationOutcome"}, {O1: MISSING}, "P7"),
    prefetching("an empty Bundle", found(), {O1: MISSING}, "P5", "found-32"),
    prefetching("a Bundle without entry", {"resourceType": "Bundle", "type": "searchset"}, {O1: MISSING}, "P5"),
    prefetching(
        "a Bundle that goes on", found(lacking_finding(), link=[{"relation": "next", "url": "p2"}]), {O1: MISSING}, "P5"
    ),
    prefetching(
        "a Bundle that goes on, with what counts",
        found(finding(), link=[{"relation": "next"}]),
        {O1: MET_IN_PART},
        "P5",
    ),
    prefetching(
        "a search of a token that nobody filled in",
        found(link=[{"relation": "self", "url": f"{SERVER}/Observation?_id=%7B%7Bcontext.draftOrders.id%7D%7D"}]),
        {O1: MISSING},
    ),
    prefetching(
        "an answer before CDS Hooks 1.0", {"response": {"status": "200"}, "resource": found(finding())}, {O1: MET}
    ),
    prefetching("a resource where a Bundle was asked for", finding(), {O1: MET}),
    prefetching("a list of resources", [finding(), finding(id="f2")], {O1: MET}),
    prefetching("a text", "Observation/f1", {O1: MISSING}),
    prefetching("a Bundle of another type", found(finding(), kind="history"), {O1: MET}),
    prefetching(
        "entries that hold nothing", found() | {"entry": [None, 5, "x", {}, {"resource": None}, []]}, {O1: MISSING}
    ),
    prefetching("entries of a search as an object", found() | {"entry": {"resource": finding()}}, {O1: MISSING}),
    prefetching(
        "an outcome among what was found", found(finding(), {"resourceType": "OperationOutcome"}), {O1: MET_IN_PART}
    ),
    prefetching(
        "a type of resource that there is not", found(finding(), {"resourceType": "Widget"}), {O1: MET_IN_PART}
    ),
    prefetching("what is about another patient", found(finding(subject={"reference": "Patient/p2"})), {O1: MISSING}),
    prefetching("what is about nobody", found(finding(subject={})), {O1: MISSING}),
    prefetching(
        "what is about a patient of another server",
        found(finding(subject={"reference": "https://x.org/Patient/p1"})),
        {O1: MISSING},
    ),
    prefetching("absolute references", found(finding(subject={"reference": f"{SERVER}/Patient/p1"})), {O1: MET}),
    prefetching("the same twice", found(finding(), finding()), {O1: MET}),
    prefetching("two that contradict each other", found(finding(), finding("intact", id="f2")), {O1: MISSING}),
    prefetching("two of one id that contradict each other", found(finding(), finding("intact")), {O1: MISSING}),
    prefetching("what says no", found(finding("intact")), {O1: NOT_MET}),
    prefetching("what is not final", found(finding(status="preliminary")), {O1: MISSING}),
    prefetching("what was entered in error", found(finding(status="entered-in-error")), {O1: MISSING}),
    prefetching("what is of the day after", found(finding(effectiveDateTime="2026-01-16")), {O1: MISSING}),
    prefetching("what has an id of another hyphen", found(finding(id="f\u20111")), {O1: MET}),
    prefetching("what has no id", found({key: one for key, one in finding().items() if key != "id"}), {O1: MET}),
    prefetching("a value of another type", found(finding() | {"valueString": {"a": []}}), {O1: MISSING}),
    signing("a birth date of a year only", {"prefetch.patient.birthDate": "2014"}, {O1: MET}),
    signing("a birth date that is none", {"prefetch.patient.birthDate": {"a": 1}}, {O1: MET}),
    signing("a patient of another id", {"prefetch.patient.id": "p2"}, {O1: MET}),
    signing("no patient", {"prefetch.patient": None}, {O1: MET}),
]

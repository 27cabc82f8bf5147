"""The questions that a policy leaves open, as a Questionnaire, and what a QuestionnaireResponse says to them.

Each criterion that states what to do when its answer is missing is a question. An answer is a clinician's statement:
it counts beside the chart, settles what the chart leaves open, and conflicts where the chart says otherwise.

Source: FHIR R4 Questionnaire, QuestionnaireResponse; Da Vinci DTR, qr-context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.fhir.element import Resource, label
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, add, compare, parse_date_time
from cds_service.necessity.model import Evidence, Order
from cds_service.plan_definition.model import Criterion, PlanDefinition

__all__ = ["NO_ANSWER", "Answer", "answers_of", "canonical_of", "questionnaire_of"]

CONTEXT = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/qr-context"
"""DTR's extension that names what a response was filled in for."""
VALID_DAYS = 30
"""How far an answer may be from the day of the order."""

_YES = {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y", "display": "Yes"}
_NO = {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "N", "display": "No"}
_NOT_KNOWN = {
    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "code": "asked-unknown",
    "display": "Not known",
}
_FINAL = ("completed", "amended")
_MAX_NESTING = 8


def canonical_of(plan: PlanDefinition) -> str:
    """Return the canonical, with its version, of a policy's Questionnaire."""
    return f"{_url(plan)}|{plan.version}"


def questionnaire_of(plan: PlanDefinition) -> Resource | None:
    """Return a policy's Questionnaire, or None if it leaves nothing to ask."""
    if not plan.questions:
        return None
    url = _url(plan)
    made: dict[str, Any] = {"resourceType": "Questionnaire", "id": url.rpartition("/")[2], "url": url}
    made |= {"version": plan.version, "name": plan.name, "title": f"What is missing: {plan.title}"}
    made |= {"status": plan.status, "experimental": plan.experimental, "subjectType": ["Patient"]}
    return {**made, "item": [_item(one) for one in plan.questions]}


def _url(plan: PlanDefinition) -> str:
    base, _, name = plan.canonical.rpartition("/")
    return f"{base.removesuffix('/PlanDefinition')}/Questionnaire/{name}"


def _item(criterion: Criterion) -> Resource:
    options = [{"valueCoding": one} for one in (_YES, _NO, _NOT_KNOWN)]
    what_to_do = {"linkId": f"{criterion.id}.what-to-do", "type": "display", "text": criterion.prompt}
    text = f"{criterion.title}: {criterion.text}" if criterion.text else criterion.title
    return {"linkId": criterion.id, "text": text, "type": "choice", "answerOption": options, "item": [what_to_do]}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a criterion on the newest day on which it was answered."""

    yes: tuple[Evidence, ...] = ()
    no: tuple[Evidence, ...] = ()


NO_ANSWER = Answer()


def answers_of(plan: PlanDefinition, order: Order, record: PatientRecord) -> Mapping[str, Answer]:
    """Return what the responses in the record say, by the id of the criterion.

    A response counts if it is complete, about this patient, not answered by the patient or a relative, filled in for
    this policy's Questionnaire, dated at most `VALID_DAYS` before the order, and given for this order; then it may be
    as many days younger. One that names no order counts if it is no younger.
    """
    if not record.of_type("QuestionnaireResponse"):
        return {}
    asked = {one.id for one in plan.questions}
    found: dict[str, list[tuple[Date, bool, Evidence]]] = {}
    for response in record.of_type("QuestionnaireResponse"):
        day = _day_of(response, plan, order, record)
        for name, path, yes in _answered(response) if day else ():
            if name in asked and day:
                words = _YES["display"] if yes else _NO["display"]
                evidence = Evidence(path, words, str(day), str(response["status"]))
                found.setdefault(name, []).append((day, yes, evidence))
    return {name: _newest(given) for name, given in found.items()}


def _newest(given: list[tuple[Date, bool, Evidence]]) -> Answer:
    newest = max(day.parts for day, _, _ in given)
    last = [(yes, evidence) for day, yes, evidence in given if day.parts == newest]
    return Answer(
        yes=tuple(evidence for yes, evidence in last if yes), no=tuple(evidence for yes, evidence in last if not yes)
    )


def _day_of(response: Resource, plan: PlanDefinition, order: Order, record: PatientRecord) -> Date | None:
    """Return the day on which a response was given; None if it does not count."""
    about = response.get("questionnaire")
    url, _, version = about.partition("|") if type(about) is str else ("", "", "")
    if url != _url(plan) or version not in ("", plan.version) or response.get("modifierExtension"):
        return None
    if response.get("status") not in _FINAL or not record.concerns_patient(response) or _is_by_no_clinician(response):
        return None
    authored = response.get("authored")
    moment = parse_date_time(authored) if type(authored) is str else None
    day = moment.date() if moment and moment.date().full else None
    if day is None:
        return None
    named = list(_named(response))
    # an order that waits for its answers is dated before them; one that is not named cannot be waiting
    latest = add(order.as_of, VALID_DAYS, "day") if order.reference in named else None if named else order.as_of
    counts_until = add(day, VALID_DAYS, "day")
    if latest is None or counts_until is None:
        return None
    return day if compare(day, latest) in (-1, 0) and compare(counts_until, order.as_of) in (0, 1) else None


def _is_by_no_clinician(response: Resource) -> bool:
    """Return whether a patient or a relative answered, who is no witness to the need."""
    who = response.get("source") or response.get("author")
    reference = str(who.get("reference")) if type(who) is dict else ""
    return re.search(r"(^|/)(Patient|RelatedPerson)/", reference) is not None


def _named(response: Resource) -> Iterator[str]:
    """Yield the references to the orders that a response was given for."""
    based_on = response.get("basedOn")
    for one in based_on if type(based_on) is list else ():
        yield from _reference(one)
    extensions = response.get("extension")
    for one in extensions if type(extensions) is list else ():
        if type(one) is dict and one.get("url") == CONTEXT:
            yield from (name for name in _reference(one.get("valueReference")) if not name.startswith("Coverage/"))


def _reference(value: object) -> Iterator[str]:
    text = value.get("reference") if type(value) is dict else None
    if type(text) is str:
        yield "/".join(text.partition("/_history/")[0].split("/")[-2:])


def _answered(response: Resource) -> Iterator[tuple[str, str, bool]]:
    """Yield (linkId, path, whether it is yes) of every answer that is a yes or a no, and that nothing modifies."""
    waiting: list[tuple[str, object, int]] = [(label(response), response, 0)]
    while waiting:
        base, holder, depth = waiting.pop()
        items = holder.get("item") if type(holder) is dict else None
        for i, item in enumerate(items if type(items) is list and depth < _MAX_NESTING else ()):
            if type(item) is not dict or item.get("modifierExtension"):
                continue
            path = f"{base}.item[{i}]"
            waiting.append((path, item, depth + 1))
            given = item.get("answer")
            for j, one in enumerate(given if type(given) is list else ()):
                if type(one) is not dict or one.get("modifierExtension"):
                    continue
                waiting.append((f"{path}.answer[{j}]", one, depth + 1))
                yes = _is_yes(one)
                if yes is not None and type(item.get("linkId")) is str:
                    yield item["linkId"], f"{path}.answer[{j}].value", yes


def _is_yes(answer: Resource) -> bool | None:
    stated = answer.get("valueBoolean")
    if type(stated) is bool:
        return stated
    coding = answer.get("valueCoding")
    code = (coding.get("system"), coding.get("code")) if type(coding) is dict else None
    return True if code == (_YES["system"], "Y") else False if code == (_NO["system"], "N") else None

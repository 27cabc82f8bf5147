"""Form completion: the questions that a determination leaves open, as a Task with its Questionnaire.

Source: Da Vinci CRD 2.0.1 and 2.2, Form Completion response type (resp-59, dev-20).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from cds_service.cds_hooks import Action, Suggestion
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.questionnaire import canonical_of, questionnaire_of
from cds_service.necessity.reading import open_questions

__all__ = ["form_for"]

_SDC = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp"
_IF_NONE_EXIST = "davinci-crd.if-none-exist"


def form_for(determination: Determination, identity: UUID) -> Suggestion | None:
    """Return the suggestion to answer what is open, or None where nothing is; `identity` is of the card.

    The Questionnaire is created only where the client does not have it.
    """
    if determination.outcome is not Outcome.INFORMATION_MISSING:
        return None
    asked = {one.id for one in determination.plan.questions}
    still_open = [one for one in open_questions(determination) if one.criterion.id in asked]
    questionnaire = questionnaire_of(determination.plan) if still_open else None
    if questionnaire is None:
        return None
    code = determination.order.code
    what = "1 open question" if len(still_open) == 1 else f"{len(still_open)} open questions"
    canonical = canonical_of(determination.plan)
    url, _, version = canonical.partition("|")
    return Suggestion(
        label=f"Answer {what} on {code}",
        uuid=str(uuid5(identity, f"{determination.order.reference} {canonical}")),
        actions=(
            Action(
                type="create",
                description=f"The questions of the policy for {code}",
                resource=dict(questionnaire),
                extension={_IF_NONE_EXIST: f"url={url}&version={version}"},
            ),
            Action(type="create", description=f"Answer {what} on {code}", resource=_task(determination, canonical)),
        ),
    )


def _task(determination: Determination, canonical: str) -> dict[str, Any]:
    order = determination.order.resource
    made: dict[str, Any] = {"resourceType": "Task", "status": "ready", "intent": "order"}
    made["code"] = {"coding": [{"system": _SDC, "code": "complete-questionnaire"}]}
    made["description"] = f"Answer what the policy for {determination.order.code} leaves open"
    made |= {"for": order["subject"]} if "subject" in order else {}
    made["authoredOn"] = str(determination.as_of)
    made |= {"requester": order["requester"]} if "requester" in order else {}
    about = {"coding": [{"system": _SDC, "code": "questionnaire"}], "text": "questionnaire"}
    return {**made, "input": [{"type": about, "valueCanonical": canonical}]}

"""A decision as FHIR: GuidanceResponse and Provenance per determination, one AuditEvent for the exchange.

These are views for other systems, made from what is kept; what is kept is the decision itself. The AuditEvent follows
the patterns of IHE's Basic Audit Log Patterns, without a claim to one of its profiles.
A viewing of what is kept is an AuditEvent, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from cds_service.store.contents import read_part, resources_in
from cds_service.store.model import Decision, Determined
from cds_service.store.projection import moment
from cds_service.store.store import Kept, KeptViewing

__all__ = ["audit_event", "fhir_views", "guidance_response", "provenance", "viewing_event"]

Json = dict[str, Any]

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_DECISION: Final = {"system": f"{_TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"}
_STATUS: Final = {"information-missing": "data-required", "not-evaluated": "failure"}
_GONE: Final = "What this rests on was purged at the end of its retention period."


def fhir_views(kept: Kept) -> Iterator[Json]:
    """Yield the resources that show a decision; without its contents only what is left without them."""
    report = _report(kept.decision)
    for one in kept.decision.determined:
        stated = report.get(one.id, {})
        yield guidance_response(kept, one, stated)
        yield provenance(kept, one, stated)
    yield audit_event(kept)


def guidance_response(kept: Kept, one: Determined, stated: Mapping[str, Any]) -> Json:
    """Return what was determined; `stated` is the determination in the report, empty if that is purged."""
    decision, contained = kept.decision, [_outcome(one, stated)]
    view: Json = {
        "resourceType": "GuidanceResponse",
        "id": _view_id(decision, one, "GuidanceResponse"),
        "contained": contained,
        "requestIdentifier": _urn(decision.exchange),
        "identifier": [_urn(one.id)],
        "moduleCanonical": str(one.policy),
        "status": _STATUS.get(one.outcome, "success"),
        **_subject(decision, "subject"),
        "occurrenceDateTime": moment(decision.received),
        "performer": {"display": f"cds-service {decision.engine}"},
    }
    if decision.contents is None:
        view["note"] = [{"text": _GONE}]
    if stated.get("problem"):
        issue = {"severity": "error", "code": "exception", "diagnostics": stated["problem"]}
        contained.append({"resourceType": "OperationOutcome", "id": "problem", "issue": [issue]})
        view["evaluationMessage"] = [{"reference": "#problem"}]
    return view | {"outputParameters": {"reference": "#outcome"}}


def provenance(kept: Kept, one: Determined, stated: Mapping[str, Any]) -> Json:
    """Return what a determination was made of: policy, engine, order and evidence."""
    decision = kept.decision
    known = _resources(decision)
    paths = [str(stated["order"]["path"])] if stated else []
    paths += [str(found["path"]) for criterion in stated.get("criteria", ()) for found in criterion["evidence"]]
    sources: list[Json] = [{"identifier": _urn(decision.exchange), "display": "the request of the hook"}]
    sources += [_source(path, known) for path in dict.fromkeys(paths)]
    assembler = {"system": f"{_TERMINOLOGY}/provenance-participant-type", "code": "assembler"}
    return {
        "resourceType": "Provenance",
        "id": _view_id(decision, one, "Provenance"),
        "target": [{"reference": f"GuidanceResponse/{_view_id(decision, one, 'GuidanceResponse')}"}],
        "occurredDateTime": moment(decision.received),
        "recorded": moment(kept.recorded),
        "policy": [str(one.policy)],
        "agent": [
            {"type": {"coding": [assembler]}, "who": {"display": f"cds-service {decision.engine}"}},
        ],
        "entity": [{"role": "source", "what": source} for source in sources],
    }


def audit_event(kept: Kept) -> Json:
    """Return that the hook was called: by whom, for which patient, with what end."""
    decision = kept.decision
    client = {"identifier": {"system": decision.caller.issuer, "value": decision.caller.tenant or "-"}}
    who = client if decision.caller.issuer else {"display": "a client without a token"}
    entities: list[Json] = []
    if decision.contents is not None and decision.contents.patient:
        entities.append(
            {
                "what": _subject(decision, "what")["what"],
                "type": {"system": f"{_TERMINOLOGY}/audit-entity-type", "code": "1", "display": "Person"},
                "role": {"system": f"{_TERMINOLOGY}/object-role", "code": "1", "display": "Patient"},
            }
        )
    balp = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
    entities.append({"what": {"identifier": _urn(decision.exchange)}, "type": {"system": balp, "code": "XrequestId"}})
    return {
        "resourceType": "AuditEvent",
        "id": _resource_id(f"{decision.exchange}/AuditEvent"),
        "type": {"system": f"{_TERMINOLOGY}/audit-event-type", "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": "http://hl7.org/fhir/restful-interaction", "code": "operation", "display": "operation"}],
        "action": "E",
        "period": {"start": moment(decision.received), "end": moment(decision.received)},
        "recorded": moment(kept.recorded),
        "outcome": "0" if decision.status < 400 else "4" if decision.status < 500 else "8",
        "outcomeDesc": f"{decision.hook} answered with status {decision.status}",
        "agent": [
            {"type": _role("110153", "Source Role ID"), "who": who, "requestor": True},
            {
                "type": _role("110152", "Destination Role ID"),
                "who": {"display": f"cds-service {decision.engine}, {decision.service}"},
                "requestor": False,
            },
        ],
        "source": {"observer": {"display": "cds-service"}},
        "entity": entities,
    }


def viewing_event(kept: KeptViewing) -> Json:
    """Return that somebody looked at what is kept: who, when, at which exchanges. It names no patient."""
    viewing = kept.viewing
    code, display = ("extract", "Extract") if viewing.way == "export" else ("access", "Access/View")
    lifecycle = {
        "system": f"{_TERMINOLOGY}/iso-21089-lifecycle",
        "code": code,
        "display": f"{display} Record Lifecycle Event",
    }
    recipient = {"system": f"{_TERMINOLOGY}/v3-ParticipationType", "code": "IRCP", "display": "information recipient"}
    return {
        "resourceType": "AuditEvent",
        "id": kept.id,
        "type": {"system": _DICOM, "code": "110110", "display": "Patient Record"},
        "subtype": [lifecycle],
        "action": "R",
        "recorded": moment(kept.recorded),
        "outcome": "0",
        "outcomeDesc": f"given by `{viewing.way}`",
        "agent": [
            {"type": {"coding": [recipient]}, "who": {"display": viewing.by}, "requestor": True},
            {"type": _role("110153", "Source Role ID"), "who": {"display": "cds-service"}, "requestor": False},
        ],
        "source": {"observer": {"display": "cds-service"}},
        "entity": [{"what": {"identifier": _urn(one)}, "role": _DECISION} for one in viewing.exchanges],
    }


def _outcome(one: Determined, stated: Mapping[str, Any]) -> Json:
    parameters: list[Json] = [
        {"name": "outcome", "valueCode": one.outcome},
        {"name": "code", "valueCoding": {"system": one.system, "code": one.code}},
        {"name": "policyHash", "valueString": one.policy.hash},
    ]
    if one.kind:
        parameters.append({"name": "kind", "valueCode": one.kind})
    if stated:
        parameters.append({"name": "humanReview", "valueBoolean": stated["humanReview"]})
        parameters += [_criterion(criterion) for criterion in stated["criteria"]]
    return {"resourceType": "Parameters", "id": "outcome", "parameter": parameters}


def _criterion(stated: Mapping[str, Any]) -> Json:
    parts = [{"name": "id", "valueString": stated["id"]}, {"name": "state", "valueCode": stated["state"]}]
    parts += [{"name": key, "valueString": stated[key]} for key in ("reason", "missing", "problem") if stated[key]]
    parts += [{"name": "evidence", "valueString": found["path"]} for found in stated["evidence"]]
    return {"name": "criterion", "part": parts}


def _report(decision: Decision) -> Mapping[str, Any]:
    """Return the determinations of the report, by their ids."""
    report = read_part(decision.contents.determinations) if decision.contents is not None else None
    return {one["id"]: one for one in report["determinations"]} if isinstance(report, dict) else {}


def _resources(decision: Decision) -> frozenset[str]:
    """Return the resources that came with the request or were fetched, as `Type/id`."""
    found = resources_in(decision.contents) if decision.contents is not None else ()
    return frozenset(f"{one['resourceType']}/{one['id']}" for one in found if isinstance(one.get("id"), str))


def _source(path: str, known: frozenset[str]) -> Json:
    """Return the resource that an element path begins with; an id may hold dots, as the path does."""
    ends = [i for i, character in enumerate(path) if character == "."] + [len(path)]
    reference = next((path[:end] for end in reversed(ends) if path[:end] in known), None)
    return {"reference": reference, "display": path} if reference else {"display": path}


def _subject(decision: Decision, name: str) -> Json:
    patient = decision.contents.patient if decision.contents is not None else ""
    return {name: {"reference": f"Patient/{patient}"}} if patient else {}


def _role(code: str, display: str) -> Json:
    return {"coding": [{"system": _DICOM, "code": code, "display": display}]}


def _urn(name: str) -> Json:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{name}"}


def _view_id(decision: Decision, one: Determined, kind: str) -> str:
    return _resource_id(f"{decision.exchange}/{kind}/{one.id}")


def _resource_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))

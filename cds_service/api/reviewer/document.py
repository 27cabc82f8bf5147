"""An exchange as a document for a physician: what was asked, and each determination with all that it rests on.

The page and its JSON are of this one model. It is made of what was kept; what would settle a determination and the
chart's own elements are added where the same policies still determine exactly the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cds_service.fhir.element import label
from cds_service.fhir.encoding import decode
from cds_service.fhir.unread import Why
from cds_service.necessity.lifecycle import standing
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.outlook import outlook
from cds_service.necessity.reading import open_questions
from cds_service.necessity.wording import REASON_WORDS, stamp_of
from cds_service.plan_definition.model import Citation, Criterion, PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.profile import Reason, Role
from cds_service.services.evaluation import Evaluation
from cds_service.store.model import Decision, Determined
from cds_service.store.reviews import Review, reviews_of, standing_of, subject_of
from cds_service.store.store import Filters, Kept, Store

__all__ = ["OUTCOME_WORDS", "document"]

Json = dict[str, Any]

OUTCOME_WORDS: Final = {
    "met": "Criteria met",
    "not-met": "Criteria not met on record",
    "information-missing": "Information missing",
    "not-applicable": "Outside the policy",
    "not-evaluated": "Not evaluated",
}
_CODING: Final = "The code does not fit"
_STATES: Final = {"true": "Met", "false": "Not met", "unknown": "Missing"}
_STATES_BY_ROLE: Final = {
    Role.EXCLUSION: {"true": "Stands against it", "false": "Ruled out", "unknown": "Missing"},
    Role.CODE_CONFLICT: {"true": "Conflicts", "false": "No conflict", "unknown": "Open"},
    Role.CONDITION: {"true": "Goes with it", "false": "Does not apply", "unknown": "Not known"},
    Role.CAUTION: {"true": "To be weighed", "false": "Does not apply", "unknown": "Not known"},
    Role.SUPPORTING: {"true": "Noted", "false": "Not so", "unknown": "Not known"},
}
_WEIGHED: Final = {"true": "unknown", "false": "note", "unknown": "note"}
_TONES_BY_ROLE: Final = {
    Role.EXCLUSION: {"true": "false", "false": "true"},
    Role.CODE_CONFLICT: {"true": "false", "false": "true", "unknown": "note"},
    Role.CONDITION: _WEIGHED,
    Role.CAUTION: _WEIGHED,
    Role.SUPPORTING: {"true": "note", "false": "note", "unknown": "note"},
}
"""As which state one is coloured: what stands against an order where it is true must not look like what is met."""
_HISTORY: Final = 20


def document(kept: Kept, store: Store, policies: Policies, again: Evaluation | None) -> Json:
    """Return the document of an exchange. Of one whose contents were purged only what is left without them."""
    decision = kept.decision
    report = _report(decision)
    stated = {one["id"]: one for one in report.get("determinations", ())}
    made = {one.id: one for one in again.determinations} if again is not None else {}
    determinations = [
        _determination(
            one,
            stated.get(one.id, {}),
            _plan(policies, one),
            made.get(one.id),
            reviews_of(store, subject_of(decision.caller, one.id)),
        )
        for one in decision.determined
    ]
    return {
        "exchange": decision.exchange,
        "decision": decision.id,
        "received": decision.received.isoformat(timespec="seconds"),
        "recorded": kept.recorded.isoformat(timespec="seconds"),
        "service": decision.service,
        "hook": decision.hook,
        "client": _client(decision),
        "mode": decision.mode,
        "engine": decision.engine,
        "asOf": decision.as_of,
        "patient": f"Patient/{decision.contents.patient}" if decision.contents and decision.contents.patient else None,
        "purged": kept.purged,
        "determinations": determinations,
        "notCovered": list(report.get("notCovered", ())),
        "unread": [one | {"words": Why(one["why"]).words} for one in report.get("unread", ())],
        "elements": list(_elements(determinations, again)),
        "history": list(_history(store, decision)),
    }  # fmt: skip


def _report(decision: Decision) -> Json:
    body = decision.contents.determinations if decision.contents is not None else b""
    report = decode(body) if body else {}
    return report if isinstance(report, dict) else {}


def _client(decision: Decision) -> Json | None:
    caller = decision.caller
    return {"issuer": caller.issuer, "tenant": caller.tenant} if caller.issuer else None


def _plan(policies: Policies, one: Determined) -> PlanDefinition | None:
    """Return the policy that decided, if it is at hand as it was then."""
    return next((plan for plan in policies.plans if plan.hash == one.policy.hash), None)


def _determination(
    one: Determined, stated: Json, plan: PlanDefinition | None, made: Determination | None, reviews: tuple[Review, ...]
) -> Json:
    criteria = {criterion.id: criterion for criterion in plan.walk()} if plan else {}
    results = {result["id"]: result for result in stated.get("criteria", ())}
    return {
        "id": one.id,
        "code": one.code,
        "system": one.system,
        "name": plan.codes.names.get((one.system, one.code)) if plan else None,
        "order": stated.get("order"),
        "asOf": stated.get("asOf"),
        "duplicates": stated.get("duplicates", []),
        "outcome": one.outcome,
        "kind": one.kind,
        "words": _CODING if one.kind == "coding" else OUTCOME_WORDS.get(one.outcome, one.outcome),
        "humanReview": stated.get("humanReview"),
        "problem": stated.get("problem"),
        "stamp": stamp_of(made) if made else None,
        "policy": _policy(one, stated.get("policy", {}), plan),
        "criteria": list(_tree(None, results, criteria, made)),
        "missing": list(_missing(results, criteria, made)),
        "outlook": [{"text": line.text, "indent": line.indent} for line in outlook(made)] if made else None,
        "conditions": [_note(note, criteria) for note in stated.get("conditions", ())],
        "cautions": [_note(note, criteria) for note in stated.get("cautions", ())],
        "citations": [_citation(source) for source in _cited(plan)] if plan else [],
        "review": standing_of(reviews),
        "reviews": [review.as_json() for review in reviews],
    }


def _policy(one: Determined, stated: Json, plan: PlanDefinition | None) -> Json:
    return {
        "canonical": one.policy.canonical,
        "version": one.policy.version,
        "hash": one.policy.hash,
        "title": plan.title if plan else None,
        "standing": standing(plan) if plan else None,
        "url": f"/policies/{plan.group}" if plan else None,
        "status": stated.get("status"),
        "experimental": stated.get("experimental"),
        "reviewStage": stated.get("reviewStage"),
        "approvalDate": stated.get("approvalDate"),
        "lastReviewDate": stated.get("lastReviewDate"),
    }


def _tree(
    parent: str | None, results: Mapping[str, Json], criteria: Mapping[str, Criterion], made: Determination | None
) -> Iterator[Json]:
    """Yield the criteria below one, each with those below it."""
    for name, result in results.items():
        if result["parent"] != parent:
            continue
        found = made.result(name) if made else None
        yield {
            "id": name,
            "title": _title(name, criteria),
            "role": result["role"],
            "state": result["state"],
            "words": _STATES_BY_ROLE.get(Role(result["role"]), _STATES)[result["state"]],
            "tone": _TONES_BY_ROLE.get(Role(result["role"]), {}).get(result["state"], result["state"]),
            "said": found.text if found else None,
            "reason": result["reason"],
            "reasonWords": REASON_WORDS[Reason(result["reason"])] if result["reason"] else None,
            "evidence": result["evidence"],
            "problem": result["problem"],
            "missing": result["missing"],
            "lookedAt": result["lookedAt"],
            "sources": [_citation(one)["text"] for one in criteria[name].citations] if name in criteria else [],
            "parts": list(_tree(name, results, criteria, made)),
        }


def _missing(
    results: Mapping[str, Json], criteria: Mapping[str, Criterion], made: Determination | None
) -> Iterator[Json]:
    """Yield what is asked for, each thing once; `decides` tells whether it keeps the determination open, if known."""
    keeps_open = {one.criterion.id for one in open_questions(made)} if made else None
    undecided = made is not None and made.outcome is Outcome.INFORMATION_MISSING
    told: set[tuple[str, str]] = set()
    for name, result in results.items():
        title, prompt = _title(name, criteria), result["missing"]
        if prompt and (title, prompt) not in told:
            told.add((title, prompt))
            decides = None if keeps_open is None else undecided and name in keeps_open
            yield {"criterion": name, "title": title, "prompt": prompt, "decides": decides}


def _title(name: str, criteria: Mapping[str, Criterion]) -> str:
    return criteria[name].title or name if name in criteria else name


def _note(note: Json, criteria: Mapping[str, Criterion]) -> Json:
    about = criteria.get(note["id"])
    return note | {"sources": [_citation(one) for one in about.citations] if about else []}


def _cited(plan: PlanDefinition) -> Iterable[Citation]:
    return dict.fromkeys([*plan.citations, *(one for node in plan.walk() for one in node.citations)])


def _citation(one: Citation) -> Json:
    return {
        "text": one.text or one.url,
        "url": one.url,
        "identification": one.identification,
        "population": one.population,
        "sampleSize": one.sample_size,
        "strength": one.strength,
        "quality": one.quality,
    }


def _elements(determinations: Iterable[Json], again: Evaluation | None) -> Iterator[Json]:
    """Yield the resources that evidence stands in, with what rests on each, and their JSON where it is at hand."""
    found: dict[str, dict[str, None]] = {}
    for one in determinations:
        for criterion in _walk(one["criteria"]):
            for evidence in () if criterion["parts"] else criterion["evidence"]:
                found.setdefault(evidence["path"], {})[f"{one['code']}: {criterion['title']}"] = None
    resources = {label(one): one for one in again.record.resources} if again else {}
    held: dict[str, list[str]] = {}
    for path in found:
        held.setdefault(_resource_of(path, resources), []).append(path)
    for i, (name, paths) in enumerate(held.items(), 1):
        carried = dict.fromkeys(title for path in paths for title in found[path])
        yield {
            "anchor": f"chart-{i}",
            "reference": name,
            "paths": paths,
            "carries": list(carried),
            "resource": resources.get(name),
        }


def _walk(criteria: Iterable[Json]) -> Iterator[Json]:
    for one in criteria:
        yield one
        yield from _walk(one["parts"])


def _resource_of(path: str, resources: Mapping[str, Any]) -> str:
    """Return the resource that a path begins with; an id may hold dots, as the path does."""
    ends = [i for i, character in enumerate(path) if character == "."] + [len(path)]
    known = (path[:end] for end in reversed(ends) if path[:end] in resources)
    return next(known, path.partition(".")[0])


def _history(store: Store, decision: Decision) -> Iterator[Json]:
    """Yield what else was decided for this patient of this client, by the store's own index of patients."""
    if decision.contents is None or not decision.contents.patient:
        return
    codes = {one.code for one in decision.determined}
    same = Filters(caller=decision.caller, patient=decision.contents.patient)
    for kept in store.search(same, limit=_HISTORY).items:
        other = kept.decision
        for one in other.determined:
            yield {
                "exchange": other.exchange,
                "determination": one.id,
                "received": other.received.isoformat(timespec="seconds"),
                "code": one.code,
                "outcome": one.outcome,
                "words": OUTCOME_WORDS.get(one.outcome, one.outcome),
                "policyVersion": one.policy.version,
                "sameCode": one.code in codes,
                "this": other.exchange == decision.exchange,
                "url": f"/review/{other.exchange}#d-{one.id}",
            }

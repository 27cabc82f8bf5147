"""A kept decision in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.fhir.encoding import decode
from cds_service.necessity.explain import explain
from cds_service.necessity.wording import printable
from cds_service.replay import Replayed, Verdict
from cds_service.store.model import Decision
from cds_service.store.projection import moment
from cds_service.store.report import Counted
from cds_service.store.store import Kept, KeptViewing

__all__ = ["as_block", "as_counts", "as_json", "as_line", "as_text"]


def as_block(kept: Kept) -> Iterator[str]:
    """Yield the lines of one decision in a list: nothing of a chart but the ordered codes."""
    one = kept.decision
    ended = "" if one.status < 400 else f", refused with {one.status}"
    yield f"{one.exchange}  {_second(one)}  {one.hook}{ended}{', purged' if kept.purged else ''}"
    for found in one.determined:
        kind = f" ({found.kind})" if found.kind else ""
        yield f"    {printable(found.code)}: {found.outcome}{kind} by {found.policy}"


def as_text(kept: Kept, again: Replayed) -> Iterator[str]:
    """Yield a decision in words; in those of its policies where these are at hand, else by the ids of its criteria."""
    one = kept.decision
    yield f"exchange   {one.exchange}"
    yield f"decision   {one.id}"
    yield f"received   {_second(one)}, recorded {moment(kept.recorded)[:19]}Z"
    yield f"asked by   {_caller(one)}"
    yield f"hook       {one.hook}, instance {printable(one.hook_instance) or '-'}, answered with {one.status}"
    yield f"engine     cds-service {one.engine}, mode {one.mode}, as of {one.as_of or '-'}"
    for policy in one.policies:
        yield f"policy     {policy}, hash {policy.hash}"
    for name, parameters in one.parameters.items():
        yield f"parameters {name}: {', '.join(f'{key} {value}' for key, value in parameters.items())}"
    yield f"cards      {', '.join(card.uuid for card in one.cards) or 'none'}"
    yield f"chain      entry {kept.sequence} of writer {kept.writer}, hash {kept.hash}"
    yield f"replay     {again.verdict}{f': {again.detail}' if again.detail else ''}"
    if again.verdict is Verdict.IDENTICAL:
        told = [explain(found) for found in again.determinations]
    else:
        told = [tuple(_reported(found)) for found in _report(one)]
    for lines in told:
        yield ""
        yield from lines


def as_json(kept: Kept) -> dict[str, Any]:
    """Return a decision as JSON, without what it holds of the chart."""
    one = kept.decision
    return {
        "exchange": one.exchange,
        "decision": one.id,
        "received": moment(one.received),
        "recorded": moment(kept.recorded),
        "issuer": one.caller.issuer,
        "tenant": one.caller.tenant,
        "service": one.service,
        "hook": one.hook,
        "hookInstance": one.hook_instance,
        "status": one.status,
        "engine": one.engine,
        "mode": one.mode,
        "asOf": one.as_of,
        "policyRevision": one.policy_revision,
        "parameters": one.parameters,
        "determinations": [
            {
                "id": found.id,
                "policy": str(found.policy),
                "hash": found.policy.hash,
                "system": found.system,
                "code": found.code,
                "outcome": found.outcome,
                "kind": found.kind,
            }
            for found in one.determined
        ],
        "cards": [{"uuid": card.uuid, "determinations": card.determinations} for card in one.cards],
        "purged": kept.purged,
        "chain": {"writer": kept.writer, "sequence": kept.sequence, "hash": kept.hash},
    }


def as_line(kept: KeptViewing) -> str:
    """Return who looked at what, and when, on one line."""
    one = kept.viewing
    return f"{moment(kept.recorded)[:19]}Z  {one.way:<7} {printable(one.by)}  {' '.join(one.exchanges)}"


def as_counts(counted: Iterable[Counted]) -> Iterator[str]:
    """Yield feedback counted: a heading per policy, and a line per criterion, outcome and reason."""
    policy: str | None = None
    for one in counted:
        if one.policy != policy:
            policy = one.policy
            yield policy or "cards that are not known here"
        about = " ".join(filter(None, (one.criterion, one.determined)))
        reason = f" for {printable(one.reason)}" if one.reason else ""
        yield f"    {one.count:>6}  {one.feedback}{reason}{f': {about}' if about else ''}"


def _reported(stated: dict[str, Any]) -> Iterator[str]:
    yield f"{stated['outcome']}: {printable(stated['order']['code'])}"
    for one in stated["criteria"]:
        why = f" ({one['reason']})" if one["reason"] else ""
        yield f"  {one['state']:<8} {one['id']}{why}"
        for found in one["evidence"]:
            yield f"           {printable(found['path'])} = {printable(found['value'])} ({found['date'] or 'no date'})"


def _report(one: Decision) -> list[dict[str, Any]]:
    if one.contents is None or not one.contents.determinations:
        return []
    report: Any = decode(one.contents.determinations)
    determinations: list[dict[str, Any]] = report["determinations"]
    return determinations


def _caller(one: Decision) -> str:
    if not one.caller.issuer:
        return "a client without a token"
    return printable(one.caller.issuer) + (f", tenant {printable(one.caller.tenant)}" if one.caller.tenant else "")


def _second(one: Decision) -> str:
    return f"{moment(one.received)[:19]}Z"

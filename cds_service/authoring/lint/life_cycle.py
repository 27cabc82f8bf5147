"""Approval of active policies, versions beside each other, and versions against a release."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.errors import ContentError
from cds_service.fhir.encoding import canonical
from cds_service.fhir.temporal import Date, compare
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["against", "check"]


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what an active policy lacks, and versions of a policy that are in effect on the same day."""
    for policy in subject.policies:
        if policy.plan is not None and policy.plan.status == "active":
            yield from _approval(policy, policy.plan)
    yield from _overlaps(subject)


def _approval(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    written = policy.artifact.resource
    lacks = {
        "`experimental` is not false": written.get("experimental") is not False,
        "its review stage is not `approved`": plan.review_stage != "approved",
        "`approvalDate` is missing": plan.approval_date is None,
        "`lastReviewDate` is missing": plan.last_review_date is None,
        "`effectivePeriod` has no start": plan.effective_from is None,
        "no `reviewer` or `endorser` is named": not (_named(policy, "reviewer") or _named(policy, "endorser")),
    }
    missing = [what for what, holds in lacks.items() if holds]
    if missing:
        yield policy.finding("approval-incomplete", "; ".join(missing))
    for parameter in plan.parameters.values():
        if not parameter.signed_off:
            yield policy.finding("parameter-not-signed-off", f"`{parameter.name}`")


def _named(policy: Policy, element: str) -> bool:
    held = policy.artifact.resource.get(element)
    return isinstance(held, list) and any(isinstance(one, dict) and one.get("name") for one in held)


def _overlaps(subject: Subject) -> Iterator[Finding]:
    plans = [(policy, policy.plan) for policy in subject.policies if policy.plan is not None]
    for (_, earlier), (policy, later) in combinations(plans, 2):
        if earlier.canonical == later.canonical and _overlap(earlier, later):
            problem = f"versions `{earlier.version}` ({_period(earlier)}) and `{later.version}` ({_period(later)})"
            yield policy.finding("periods-overlap", problem)


def _overlap(one: PlanDefinition, other: PlanDefinition) -> bool:
    if "retired" in (one.status, other.status):
        return False
    return not (_ends_before(one, other) or _ends_before(other, one))


def _ends_before(one: PlanDefinition, other: PlanDefinition) -> bool:
    if one.effective_to is None or other.effective_from is None:
        return False
    return compare(one.effective_to, other.effective_from) == -1


def _period(plan: PlanDefinition) -> str:
    def words(day: Date | None) -> str:
        return str(day) if day is not None else "open"

    return f"{words(plan.effective_from)} to {words(plan.effective_to)}"


def against(subject: Subject, release: Subject) -> Iterator[Finding]:
    """Yield artifacts whose content is not that of the release with the same canonical and version."""
    for artifact in subject.all:
        resource = artifact.resource
        kind, url, version = str(resource["resourceType"]), str(resource["url"]), resource.get("version")
        try:
            released = release.artifacts.find(kind, f"{url}|{version}" if version else url)
        except ContentError:
            continue
        if canonical(resource) != canonical(released.resource):
            yield at(artifact, "version-not-raised", f"`{version}` was released with other content")
    yield from _by_value_sets(subject, release)


def _by_value_sets(subject: Subject, release: Subject) -> Iterator[Finding]:
    """A policy decides by its value sets, too: where one of them changed, the policy is another."""
    released = {(plan.canonical, plan.version): (policy, plan) for policy, plan in release.sound}
    for policy, plan in subject.sound:
        found = released.get((plan.canonical, plan.version))
        if found is None or found[1].hash == plan.hash:
            continue
        if canonical(found[0].artifact.resource) == canonical(policy.artifact.resource):
            yield policy.finding("version-not-raised", f"`{plan.version}` was released with other value sets")

"""Approval of active policies, versions beside each other, and versions against a release."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.errors import ContentError
from cds_service.fhir.encoding import canonical
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.versions import by_period

__all__ = ["against", "check"]


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what an active policy lacks, and versions of a policy that are in effect on the same day."""
    for policy in subject.policies:
        if policy.plan is not None and policy.plan.status == "active":
            yield from _approval(policy, policy.plan)
    yield from _versions(subject)


def _approval(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    written = policy.artifact.resource
    lacks = {
        "`experimental` is not false": written.get("experimental") is not False,
        "its review stage is not `approved`": plan.review_stage != "approved",
        "`approvalDate` is missing": plan.approval_date is None,
        "`lastReviewDate` is missing": plan.last_review_date is None,
        "`effectivePeriod` has no start": plan.effective_from is None,
        "no `reviewer` or `endorser` is named": not plan.reviewers,
    }
    missing = [what for what, holds in lacks.items() if holds]
    if missing:
        yield policy.finding("approval-incomplete", "; ".join(missing))
    for parameter in plan.parameters.values():
        if not parameter.signed_off:
            yield policy.finding("parameter-not-signed-off", f"`{parameter.name}`")


def _versions(subject: Subject) -> Iterator[Finding]:
    versions: dict[str, list[tuple[Policy, PlanDefinition]]] = {}
    for policy in subject.policies:
        if policy.plan is not None:
            versions.setdefault(policy.plan.canonical, []).append((policy, policy.plan))
    for held in versions.values():
        try:
            by_period(plan for _, plan in held)
        except ContentError as error:
            yield held[-1][0].finding(error.rule, error.reason)


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

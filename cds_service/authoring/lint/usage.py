"""What nothing reads, and what nobody can supply."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at, texts_of
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.authoring.lint.written import expressions_of
from cds_service.fhirpath.tree import External, walk
from cds_service.plan_definition.model import PlanDefinition
from cds_service.services import SERVICES

__all__ = ["check"]

_BY_PATIENT = """
    Account AllergyIntolerance Appointment AuditEvent Basic BodyStructure CarePlan CareTeam ChargeItem Claim
    ClaimResponse ClinicalImpression Communication CommunicationRequest Composition Condition Consent Contract Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceRequest DeviceUseStatement
    DiagnosticReport DocumentManifest DocumentReference Encounter EnrollmentRequest EpisodeOfCare ExplanationOfBenefit
    FamilyMemberHistory Flag Goal GuidanceResponse ImagingStudy Immunization ImmunizationEvaluation
    ImmunizationRecommendation Invoice List MeasureReport Media MedicationAdministration MedicationDispense
    MedicationRequest MedicationStatement MolecularSequence NutritionOrder Observation Patient Person Procedure
    Provenance QuestionnaireResponse RelatedPerson RequestGroup ResearchSubject RiskAssessment ServiceRequest Specimen
    SupplyDelivery SupplyRequest Task VisionPrescription
"""
"""Types with a search parameter `patient`, and Patient itself. Source: FHIR R4, search-parameters.json."""
_QUOTED = re.compile(r"'([^']+)'")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield inputs, parameters, variables and value sets that nothing reads; inputs and hooks that nobody offers."""
    for policy in subject.policies:
        if policy.plan is not None:
            yield from _not_offered(policy, policy.plan)
    for policy, plan in subject.sound:
        yield from _unread(policy, plan)
    if not any(fault.rule == "file-unreadable" for _, fault in subject.faults):
        yield from _value_sets(subject)


def _not_offered(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    hooks = {service.hook for service in SERVICES.values()}
    for hook in plan.hooks:
        if hook not in hooks:
            known = ", ".join(f"`{one}`" for one in sorted(hooks))
            yield policy.finding("unknown-hook", f"no service answers `{hook}`; the hooks are {known}")
    for one in plan.inputs:
        if one.type not in _BY_PATIENT.split():
            problem = f"`%{one.id}` reads {one.type}, which has no search by patient"
            yield policy.finding("input-not-supplied", problem)


def _unread(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    read: set[str] = set()
    for one in expressions_of(policy):
        names = {node.name for node in walk(one.tree) if isinstance(node, External)}
        read |= names - ({one.name.removeprefix("%")} if one.kind == "variable" else set())
    for name in (one.id for one in plan.inputs if one.id not in read):
        yield policy.finding("unused-input", f"nothing reads `%{name}`")
    for name in (name for name in plan.parameters if name not in read):
        yield policy.finding("unused-parameter", f"nothing reads `%{name}`")
    for name in (name for name in plan.variables if name not in read):
        yield policy.finding("unused-variable", f"nothing reads `%{name}`")


def _value_sets(subject: Subject) -> Iterator[Finding]:
    named: set[str] = set()
    for artifact in subject.all:
        own = artifact.resource["url"]
        for _, text in texts_of(artifact.resource, ""):
            found = {text, *_QUOTED.findall(text)} if "://" in text else set()
            named |= {one.partition("|")[0] for one in found} - {own}
    for artifact in subject.artifacts.all("ValueSet"):
        if artifact.resource["url"] not in named:
            yield at(artifact, "unused-value-set", "no policy, map or definition names it")

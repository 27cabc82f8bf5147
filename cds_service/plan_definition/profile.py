"""The names that our profile of PlanDefinition adds to FHIR: one canonical base, the extensions, the roles."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CANONICAL_BASE", "Extension", "Reason", "Role"]

CANONICAL_BASE = "https://cds-service.example/fhir"
"""Under a reserved host until the owner has a domain: docs/decisions/0003."""

_OURS = f"{CANONICAL_BASE}/StructureDefinition/"


class Extension(StrEnum):
    """Extensions by url: HL7's where there is one, else ours."""

    VARIABLE = "http://hl7.org/fhir/StructureDefinition/variable"
    EVIDENCE_QUALITY = "http://hl7.org/fhir/StructureDefinition/cqf-qualityOfEvidence"
    EVIDENCE_STRENGTH = "http://hl7.org/fhir/StructureDefinition/cqf-strengthOfRecommendation"
    REFUTATION = _OURS + "refutation"
    UNKNOWN_BECAUSE = _OURS + "unknown-because"
    MISSING_PROMPT = _OURS + "missing-prompt"
    AT_LEAST = _OURS + "at-least"
    DETERMINATION_OF = _OURS + "determination-of"
    STATE_TEXT = _OURS + "state-text"
    HUMAN_REVIEW = _OURS + "human-review"
    PARAMETER = _OURS + "parameter"
    REVIEW_STAGE = _OURS + "review-stage"
    ORDER_NAME = _OURS + "order-name"
    OVERRIDE_REASONS = _OURS + "override-reasons"
    SUGGEST_WHEN = _OURS + "suggest-when"
    CITATION_IDENTIFICATION = _OURS + "citation-identification"
    CITATION_POPULATION = _OURS + "citation-population"
    CITATION_SAMPLE_SIZE = _OURS + "citation-sample-size"
    CODE_VERIFICATION = _OURS + "code-verification"


class Role(StrEnum):
    """What a criterion does to the determination (CodeSystem `criterion-role`)."""

    SCOPE = "scope"
    REQUIRED = "required"
    ALTERNATIVE = "alternative"
    EXCLUSION = "exclusion"
    CODE_FIT = "code-fit"
    CODE_CONFLICT = "code-conflict"
    CONDITION = "condition"
    CAUTION = "caution"
    SUPPORTING = "supporting"
    GROUP = "group"


class Reason(StrEnum):
    """Why a criterion is unknown (CodeSystem `unknown-reason`)."""

    ABSENT = "absent"
    STALE = "stale"
    PRELIMINARY = "preliminary"
    NARRATIVE_ONLY = "narrative-only"
    AMBIGUOUS = "ambiguous"
    CONFLICT = "conflict"
    UNREADABLE = "unreadable"

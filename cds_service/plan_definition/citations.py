"""RelatedArtifact as a source, with what a reader must know to weigh it."""

from __future__ import annotations

from cds_service.fhir.values import codes_of
from cds_service.plan_definition.elements import Json, value_of
from cds_service.plan_definition.model import Citation
from cds_service.plan_definition.profile import Extension

__all__ = ["is_source", "read_citation"]


def is_source(artifact: Json) -> bool:
    """Return whether a RelatedArtifact is a source, rather than a dependency or a part."""
    return artifact.get("type") in ("citation", "justification", "derived-from")


def read_citation(artifact: Json) -> Citation:
    """Return a source. Raises ContentError for an extension that is not of its type."""
    return Citation(
        text=str(artifact.get("citation") or artifact.get("display") or artifact.get("label") or ""),
        url=artifact.get("url"),
        identification=value_of(artifact, Extension.CITATION_IDENTIFICATION, "valueCode"),
        population=value_of(artifact, Extension.CITATION_POPULATION, "valueString"),
        sample_size=value_of(artifact, Extension.CITATION_SAMPLE_SIZE, "valuePositiveInt"),
        strength=_concept(artifact, Extension.EVIDENCE_STRENGTH),
        quality=_concept(artifact, Extension.EVIDENCE_QUALITY),
    )


def _concept(holder: Json, url: str) -> str | None:
    concept = value_of(holder, url, "valueCodeableConcept")
    return next((code for _, code in codes_of(concept)), None)

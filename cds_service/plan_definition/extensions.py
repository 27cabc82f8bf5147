"""What each of our extensions means, where it may stand, and what it holds: for lint, and for the shipped profile.

The StructureDefinitions in plan_definitions/profile/ are made from this table (scripts/generate_profile.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cds_service.plan_definition.profile import CANONICAL_BASE, Extension

__all__ = ["DEFINITIONS", "OURS", "Definition", "Part"]

OURS = f"{CANONICAL_BASE}/StructureDefinition/"

_PLAN = "PlanDefinition"
_ACTION = "PlanDefinition.action"
_SOURCE = "RelatedArtifact"
_CONCEPT = "ValueSet.compose.include.concept"
_TARGET = "ConceptMap.group.element.target"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a complex extension: once at most, with a value of one of `types`."""

    types: tuple[str, ...]
    about: str
    required: bool = False
    values: str | None = None
    """The id of the value set that its code is from."""


@dataclass(frozen=True, slots=True)
class Definition:
    """An extension: simple with a value of one of `types`, or complex with `parts`."""

    title: str
    about: str
    contexts: tuple[str, ...]
    types: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    values: str | None = None
    many: bool = False
    """Whether an element may have more than one."""


_STATE = Part(("code",), "The state of the criterion.", required=True, values="criterion-state")
_WORDS = ("string", "Expression")

DEFINITIONS: Mapping[Extension, Definition] = MappingProxyType(
    {
        Extension.REFUTATION: Definition(
            "Refutation",
            "What shows that a criterion does not hold. The applicability condition beside it shows that it does; "
            "where neither is true the criterion is unknown, for silence is no evidence.",
            (_ACTION,),
            ("Expression",),
        ),
        Extension.UNKNOWN_BECAUSE: Definition(
            "Unknown because",
            "Why a criterion is unknown when neither its condition nor its refutation holds; tried in order.",
            (_ACTION,),
            parts={
                "reason": Part(("code",), "The reason.", required=True, values="unknown-reason"),
                "expression": Part(("Expression",), "What shows that it is the reason.", required=True),
            },
            many=True,
        ),
        Extension.MISSING_PROMPT: Definition(
            "Prompt for what is missing",
            "What to ask for when a criterion is unknown.",
            (_ACTION,),
            parts={
                "text": Part(("string",), "The request, in a clinician's words.", required=True),
                "item": Part(("string",), "The linkId of the Questionnaire's item that asks for it."),
            },
        ),
        Extension.AT_LEAST: Definition(
            "At least",
            "How many parts of a group must hold, where it is neither all of them nor any.",
            (_ACTION,),
            ("integer", "Expression"),
        ),
        Extension.DETERMINATION_OF: Definition(
            "Determination of another policy",
            "The truth of a node of the policy that `definitionCanonical` names, for a draft order of some codes.",
            (_ACTION,),
            parts={
                "node": Part(("id",), "A criterion's id, or `clinical` for the need as a whole.", required=True),
                "codes": Part(("canonical",), "The value set of the codes ordered.", required=True),
                "sameSite": Part(("Expression",), "The sites of an order; both orders must name one in common."),
            },
        ),
        Extension.STATE_TEXT: Definition(
            "Text for a state",
            "What a card says of a criterion in a state.",
            (_ACTION,),
            parts={
                "state": _STATE,
                "text": Part(_WORDS, "The words, or an expression that gives them.", required=True),
                "indicator": Part(("code",), "How urgent the card is in this state.", values="card-indicator"),
            },
            many=True,
        ),
        Extension.HUMAN_REVIEW: Definition(
            "Human review",
            "Whether a physician must look at the determination when the criterion holds.",
            (_ACTION,),
            ("boolean",),
        ),
        Extension.SUGGEST_WHEN: Definition(
            "Suggest when",
            "An action that changes the orders, and the state of affairs in which a card offers it: an outcome, or "
            "the state of a criterion.",
            (_ACTION,),
            parts={
                "outcome": Part(("code",), "The outcome.", values="determination-outcome"),
                "criterion": Part(("id",), "The criterion."),
                "state": Part(("code",), "The criterion's state.", values="criterion-state"),
            },
        ),
        Extension.PARAMETER: Definition(
            "Parameter",
            "A number or code that expressions read by its name and that a reviewer may set.",
            (_PLAN,),
            parts={
                "name": Part(("string", "id"), "The name, read as `%name`.", required=True),
                "value": Part(
                    ("Duration", "Quantity", "integer", "decimal", "code", "string", "boolean"),
                    "The value.",
                    required=True,
                ),
                "basis": Part(("string",), "What the value rests on."),
                "signOff": Part(("date",), "The day on which a clinician signed it off."),
            },
            many=True,
        ),
        Extension.REVIEW_STAGE: Definition(
            "Review stage",
            "How far the review of the policy has come.",
            (_PLAN,),
            ("code",),
            values="review-stage",
        ),
        Extension.ORDER_NAME: Definition(
            "Name of the order",
            "What a card calls the order that the policy decides on.",
            (_PLAN,),
            ("string",),
        ),
        Extension.OVERRIDE_REASONS: Definition(
            "Override reasons",
            "The value set of reasons that a clinician may give for going against the card.",
            (_PLAN,),
            ("canonical",),
        ),
        Extension.CITATION_IDENTIFICATION: Definition(
            "Identification of a source",
            "How sure it is that the source named is the one that is meant.",
            (_SOURCE,),
            ("code",),
            values="citation-identification",
        ),
        Extension.CITATION_POPULATION: Definition(
            "Population of a source",
            "Whom the source studied.",
            (_SOURCE,),
            ("string",),
        ),
        Extension.CITATION_SAMPLE_SIZE: Definition(
            "Sample size of a source",
            "How many the source studied.",
            (_SOURCE,),
            ("positiveInt",),
        ),
        Extension.CODE_VERIFICATION: Definition(
            "Verification of a code",
            "Where it was verified that the code means what it is taken to mean.",
            (_CONCEPT, _TARGET),
            ("code",),
            values="code-verification",
        ),
    }
)
"""Our extensions; HL7's are defined by HL7."""

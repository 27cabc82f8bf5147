"""Every rule of lint: its id, how serious a breach is, what is wrong then, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

__all__ = ["CHAPTERS", "RULES", "Rule", "Severity"]

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `about` says what is wrong where it is broken, `remedy` what to do."""

    id: str
    severity: Severity
    about: str
    remedy: str


def _error(name: str, about: str, remedy: str) -> Rule:
    return Rule(name, "error", about, remedy)


def _warning(name: str, about: str, remedy: str) -> Rule:
    return Rule(name, "warning", about, remedy)


CHAPTERS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "Files": (
            _error("file-unreadable", "a file is no JSON object, or names a member twice", "mend the JSON"),
            _error(
                "artifact-unnamed",
                "a resource has no `resourceType` or no `url`",
                "give it both; what is no artifact of a policy belongs elsewhere",
            ),
            _error(
                "canonical-twice",
                "a canonical is there twice in the same version",
                "take one away, or raise the version of one",
            ),
            _error(
                "not-r4", "a resource is not valid FHIR R4", "mend the element; `cds-service validate` tells the same"
            ),
            _error(
                "later-fhir-version",
                "an element exists in R4B or R5 but not in R4",
                "take it out; where R4 has an element for it, use that",
            ),
            _error("empty-text", "a text is empty, which FHIR forbids", "write the text, or leave the element out"),
            _error(
                "value-set-not-expandable",
                "which codes a value set holds cannot be told, or it holds none",
                "list its codes, or give it an expansion",
            ),
            _warning("no-page", "a folder of policies has no `policy.md`", "say the policy in a clinician's words"),
            _warning(
                "no-cases", "a folder of policies has no `cases.yaml`", "write cases that show what must come out"
            ),
        ),
        "Extensions": (
            _error(
                "unknown-extension",
                "an extension in our name that does not exist, so that nothing reads it",
                "correct its address",
            ),
            _error(
                "extension-misplaced",
                "an extension stands where it is not defined to stand, so that nothing reads it",
                "move it to the element that it is about",
            ),
            _error(
                "extension-malformed",
                "an extension lacks a part, has one too many, or holds what it cannot hold",
                "write it as its StructureDefinition says",
            ),
        ),
        "The frame of a policy": (
            _error(
                "no-top-action", "a PlanDefinition has no action at the top, or several", "put the criteria into one"
            ),
            _error(
                "no-ordered-codes",
                "nothing says which ordered codes the policy decides on",
                "give the input `order` a code filter with a value set",
            ),
            _error("trigger-malformed", "no trigger names a hook", "name the hook: a `named-event` with its name"),
            _warning(
                "unknown-hook",
                "a trigger names a hook that no service answers",
                "name a hook that this service answers",
            ),
            _error(
                "input-malformed", "an input cannot be read", "give it an `id`, a type, and filters on its elements"
            ),
            _warning(
                "input-not-supplied",
                "no client can supply an input: its type has no search by patient",
                "read it through a type that has one",
            ),
            _error("parameter-malformed", "a parameter has no name or no value of its type", "state both"),
            _error("variable-malformed", "a variable has no name", "name it in its expression"),
            _error("element-missing", "an element that every policy needs is missing", "state it"),
            _error("element-malformed", "an element is not of its type", "write it as FHIR R4 does"),
            _error("name-twice", "a name stands for two things", "give one of them another name"),
            _error(
                "nothing-decides",
                "no criterion decides",
                "give the policy a criterion that is `required`, `scope` or `exclusion`, or a group",
            ),
            _error("unsupported-feature", "valid FHIR that this engine does not carry out", "say it another way"),
            _error(
                "unknown-canonical",
                "a canonical that is not among the artifacts",
                "correct it, or put the artifact beside the policy",
            ),
            _error(
                "policies-in-a-circle",
                "policies read each other's determinations in a circle",
                "take one of the readings out",
            ),
        ),
        "Criteria": (
            _error("unknown-role", "a criterion has no role, or one that does not exist", "state one of the roles"),
            _error(
                "role-out-of-place",
                "a role means nothing where it stands: a group takes its parts as plain criteria",
                "move the criterion to the top, or give it the role of its group",
            ),
            _error(
                "criterion-shape",
                "a criterion is several things at once, or nothing",
                "make it a group, or give it expressions, or let it read a determination",
            ),
            _error("group-malformed", "how a group takes its parts is not stated, or is impossible", "state it"),
            _warning("group-of-one", "a group has one part", "put the part in its place, or add the missing ones"),
            _error("unknown-reason", "a reason for being unknown that does not exist", "use one of the reasons"),
            _error("determination-malformed", "the reading of a determination cannot be read", "state what is missing"),
            _error(
                "determination-never-made",
                "a criterion reads a determination that is never made: the other policy does not decide on the codes",
                "name codes that the other policy decides on",
            ),
            _error("state-text-malformed", "a text for a state cannot be read", "give it a state and a text"),
            _error("suggestion-malformed", "a suggestion cannot be read", "state what it creates, or that it removes"),
            _error(
                "unreachable-action",
                "an action is never reached: nothing evaluates it, or what it waits for cannot happen",
                "mend what it waits for, or take it out",
            ),
            _warning(
                "unreachable-text",
                "a text for a state that the criterion cannot have",
                "add the expression that leads to the state, or take the text out",
            ),
            _error(
                "no-citation",
                "a criterion names no source, and no group around it does",
                "cite the source in `documentation`, or say there why there is none",
            ),
            _error(
                "no-refutation",
                "a criterion that gates can be shown, but never be refuted: it would be asked for for ever",
                "add a refutation, or accept the finding with the reason",
            ),
            _error(
                "no-prompt",
                "a criterion that gates does not say what to ask for when it is unknown",
                "add a `missing-prompt`",
            ),
        ),
        "Expressions": (
            _error("expression-missing", "an expression is missing", "write it, with its language"),
            _error("expression-syntax", "an expression does not follow the grammar", "mend it at the position"),
            _error("expression-too-large", "an expression is too long, deep or costly", "split it into variables"),
            _error("unknown-variable", "an expression reads a name that nothing has", "correct the name, or define it"),
            _error("unknown-function", "an expression calls a function that does not exist", "correct its name"),
            _error("unknown-element", "an expression reads an element that its type does not have", "correct the path"),
            _error(
                "unknown-value-set",
                "an expression asks a value set that is not among the artifacts",
                "correct its canonical, or put it beside the policy",
            ),
            _error("expression", "an expression asks what its types cannot answer", "mend it at the position"),
            _error("not-boolean", "a criterion's expression is no boolean", "end it in `.exists()`"),
            _error(
                "reads-the-clock",
                "an expression asks for the time: the same order would be judged otherwise tomorrow",
                "use `%asOf`",
            ),
            _error(
                "true-on-empty-chart",
                "an expression is true on a chart that holds nothing but the order: silence would be evidence",
                "start from what a resource states; to refute, ask for a statement of the contrary",
            ),
            _warning(
                "fails-on-empty-chart",
                "an expression fails on a chart that holds nothing but the order: it would be unreadable, not absent",
                "guard what needs an item",
            ),
            _error(
                "never-true",
                "an expression, or a part of it, can never give anything",
                "correct the type or the value set",
            ),
            _error(
                "same-expression",
                "support and refutation are the same: the criterion could only conflict with itself",
                "say in the refutation what speaks against the criterion",
            ),
            _warning(
                "no-evidence",
                "a true answer names no element that it rests on",
                "end in `.exists()`; what stands before it is the evidence",
            ),
            _error(
                "evidence-without-element",
                "the evidence is a computed value: it stands nowhere in the chart",
                "let the elements stand before `.exists()`, and the computation in a `where()`",
            ),
        ),
        "Codes": (
            _error(
                "wrong-check-digit",
                "a SNOMED CT or LOINC code whose check digit is wrong: there is no such code",
                "look it up again",
            ),
            _error(
                "unverified-code",
                "an active policy reads a code that nobody verified",
                "verify the code, and mark where it was read",
            ),
            _warning(
                "unmarked-code",
                "an active policy reads a code without a mark of its verification",
                "verify the code, and mark where it was read",
            ),
            _warning("code-twice", "a value set lists a code twice", "take one away"),
            _error(
                "copied-description",
                "a CPT code has a `display`, or words like the AMA's, which may not be copied",
                "describe it in your own short words, as a designation `paraphrase`",
            ),
            _warning(
                "no-paraphrase",
                "a CPT code has no words of our own, so that a card can only print the number",
                "add a designation `paraphrase`",
            ),
        ),
        "Texts": (
            _warning("text-too-long", "a text is longer than a card shows", "shorten it"),
            _error(
                "says-denied",
                "a text speaks of denial: no determination denies anything",
                "say what the chart shows or does not show",
            ),
            _error(
                "proprietary-wording",
                "a text reads like the guidelines that payers license, or names one; they may not be copied",
                "state the criterion in your own words",
            ),
            _warning(
                "figure-without-population",
                "a text states a figure, and no source with population and number of patients stands with it",
                "cite the source with both, or leave the figure out",
            ),
            _warning(
                "citation-unidentified",
                "a source does not say how sure it is identified; a card prints `not stated`",
                "add the extension `citation-identification`",
            ),
        ),
        "What nothing reads": (
            _warning("unused-input", "nothing reads an input; clients fetch it for nothing", "take it out"),
            _warning("unused-parameter", "nothing reads a parameter; setting it changes nothing", "take it out"),
            _warning("unused-variable", "nothing reads a variable", "take it out"),
            _warning("unused-value-set", "nothing reads a value set", "take it out, or correct what should read it"),
        ),
        "Life cycle": (
            _error(
                "approval-incomplete",
                "an active policy does not show who approved it, when, and for how long",
                "fill in what is missing, or leave it a draft",
            ),
            _error(
                "parameter-not-signed-off",
                "an active policy has a parameter that no clinician signed off",
                "have it signed off, and state the day as `signOff`",
            ),
            _error(
                "periods-overlap",
                "two versions of a policy are in effect on the same day",
                "end the earlier one before the later one starts",
            ),
            _error(
                "version-not-raised",
                "the content is not that of the release with the same version",
                "raise the version",
            ),
        ),
        "Accepted findings": (
            _error("acceptance-malformed", "an entry of `lint.yaml` cannot be read", "give it a rule and a reason"),
            _error(
                "stale-acceptance",
                "an entry of `lint.yaml` accepts what is not found",
                "take the entry out, or correct what it names",
            ),
        ),
    }
)
"""The rules, in the order of the reference."""

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rules in CHAPTERS.values() for rule in rules})

"""A policy in a clinician's words: what it asks, for which codes, on what grounds, and who stands for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from cds_service.authoring.pages import Entry, Page, Remark, Section
from cds_service.fhir.temporal import add
from cds_service.fhir.value_set import ValueSet
from cds_service.necessity.lifecycle import REVIEW_VALID_MONTHS
from cds_service.necessity.roll_up import CLINICAL
from cds_service.necessity.wording import REASON_WORDS
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.elements import Json
from cds_service.plan_definition.model import (
    Citation,
    Criterion,
    DeterminationOf,
    Join,
    Parameter,
    PlanDefinition,
    Suggestion,
)
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.profile import Role
from cds_service.plan_definition.verification import unverified_codes
from cds_service.plan_definition.versions import period_words

__all__ = ["chosen", "show"]

NOTICE = (
    "Decision support for licensed clinicians, under a stated policy; no coverage or payment decision, and no "
    "substitute for judgement. A physician decides."
)
_MOST_CODES = 20
_SHOWN = """\
All of these. If the record contradicts one, the criteria are not met on record, and a physician decides; if it is \
silent on one, information is missing."""
_ROLES: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    (
        "Applies to",
        "An order to which one of these does not apply is outside this policy. While one is open, so is the order.",
        (Role.SCOPE,),
    ),
    ("What must be shown", _SHOWN, CLINICAL),
    (
        "What must be ruled out",
        "All of these, by something on record. Silence rules nothing out.",
        (Role.EXCLUSION,),
    ),
    (
        "How the code must fit",
        "Asked unless the need is contradicted. A code that does not fit says nothing against the operation.",
        (Role.CODE_FIT,),
    ),
    (
        "What conflicts with the code",
        "One that holds means that the code does not fit. One that is open is a question to the reviewer.",
        (Role.CODE_CONFLICT,),
    ),
    ("Conditions", "They change no result; one that holds goes with it.", (Role.CONDITION,)),
    ("Cautions", "They change no result; they are told, to be weighed.", (Role.CAUTION,)),
    ("Noted in support", "They change no result.", (Role.SUPPORTING,)),
)
"""A section for each part that a criterion can play."""
_STAGE_WORDS = {None: "not stated", "submitted": "submitted", "under-review": "under review", "approved": "approved"}
_STATE_WORDS = {"true": "if it holds", "false": "if it does not hold", "unknown": "if it is open"}
_OWN_STATE_WORDS = "in the words of the chart"


def chosen(policies: Policies, name: str | None) -> list[PlanDefinition]:
    """Return the policies of that name: canonical, with its version or without, its last step, a folder, or a code."""
    if name is None:
        return list(policies.plans)
    return [plan for plan in policies.plans if name in _names(plan)]


def _names(plan: PlanDefinition) -> set[str]:
    short = plan.canonical.rpartition("/")[2]
    codes = {code for _, code in plan.codes.codes}
    return {plan.canonical, plan.reference, short, f"{short}|{plan.version}", plan.group, *codes}


def show(plan: PlanDefinition, policies: Policies, artifacts: Artifacts) -> Page:
    """Return a policy as a page. `policies` holds those that it reads, `artifacts` what it was compiled from."""
    return _Show(plan, policies, artifacts).page()


class _Show:
    def __init__(self, plan: PlanDefinition, policies: Policies, artifacts: Artifacts) -> None:
        self._plan = plan
        self._policies = policies
        self._artifacts = artifacts
        self._written: Json = artifacts.find("PlanDefinition", plan.reference).resource
        cited = chain(plan.citations, (one for node in plan.walk() for one in node.citations))
        self._sources: Mapping[Citation, str] = {one: f"S{i}" for i, one in enumerate(dict.fromkeys(cited), 1)}

    def page(self) -> Page:
        described = self._written.get("description")
        return Page(
            title=self._plan.title,
            warning=_warning(self._plan),
            lead=described if type(described) is str else "",
            sections=tuple(one for one in self._sections() if one.facts or one.entries),
            notice=NOTICE,
        )

    def _sections(self) -> Iterator[Section]:
        plan = self._plan
        yield Section("Status", facts=tuple(self._status()))
        yield Section(
            "Decides on",
            f"Orders of these codes, at {' and '.join(plan.hooks)}. The words are ours.",
            entries=tuple(self._codes(plan.codes)),
        )
        for heading, lead, roles in _ROLES:
            found = [one for one in plan.criteria if one.role in roles]
            yield Section(heading, lead, entries=tuple(map(self._criterion, found)))
        yield Section(
            "Numbers that a reviewer may set",
            "Each with its basis, and whether a clinician signed it off.",
            entries=tuple(map(_parameter, plan.parameters.values())),
        )
        yield Section(
            "Changes to the order that a card may offer", entries=tuple(map(self._suggestion, plan.suggestions))
        )
        yield Section(
            "Reasons to override",
            entries=tuple(Entry(one["display"], name=one["code"]) for one in plan.override_reasons),
        )
        yield Section(
            "Sources",
            "How sure it is that a source is the one meant: confirmed, probable, candidate, not identified.",
            entries=tuple(_source(one, name) for one, name in self._sources.items()),
        )
        yield Section(
            "Codes that it looks for",
            "By value set; a code that nobody verified is marked.",
            entries=tuple(self._value_sets()),
        )

    def _status(self) -> Iterator[Remark]:
        plan = self._plan
        yield Remark("Status", f"{plan.status}{', experimental' if plan.experimental else ''}")
        yield Remark("Review stage", _STAGE_WORDS.get(plan.review_stage, plan.review_stage or ""))
        yield Remark("Approved", str(plan.approval_date) if plan.approval_date else "no")
        yield Remark("Last review", _review_words(plan))
        yield Remark("Reviewed or endorsed by", "; ".join(plan.reviewers) or "nobody")
        yield Remark("In effect", period_words(plan))
        yield Remark("Version", plan.version)
        yield Remark("Canonical", plan.canonical, is_code=True)
        yield Remark("Hash of what decides", plan.hash, is_code=True)

    # -- codes ------------------------------------------------------------------------------------------------

    def _codes(self, value_set: ValueSet) -> Iterator[Entry]:
        unverified = set(unverified_codes(self._resource_of(value_set.canonical, value_set.version)))
        for (_, code), words in sorted(value_set.names.items(), key=lambda one: one[0][1]):
            yield Entry(
                code if words == code else f"{code} {words}", mark="not verified" if code in unverified else None
            )

    def _resource_of(self, canonical: str, version: str | None) -> Json:
        return self._artifacts.find("ValueSet", f"{canonical}|{version}" if version else canonical).resource

    def _value_sets(self) -> Iterator[Entry]:
        for canonical in sorted(self._plan.value_sets):
            value_set = self._artifacts.value_set(canonical)
            codes = list(self._codes(value_set))
            title = self._resource_of(value_set.canonical, value_set.version).get("title")
            rest = len(codes) - _MOST_CODES
            more = (Remark("", f"and {rest} more"),) if rest > 0 else ()
            name = canonical.rpartition("/")[2]
            shown = (Remark("", f"{one.title}{f' ({one.mark})' if one.mark else ''}") for one in codes[:_MOST_CODES])
            yield Entry(title if type(title) is str else name, name=name, remarks=(*shown, *more))

    # -- criteria ---------------------------------------------------------------------------------------------

    def _criterion(self, criterion: Criterion) -> Entry:
        always = criterion.support is None and criterion.role in (Role.CONDITION, Role.CAUTION)
        return Entry(
            criterion.title,
            mark=self._join(criterion.join) if criterion.join else "always" if always else None,
            name=criterion.id,
            remarks=tuple(self._remarks(criterion)),
            parts=tuple(map(self._criterion, criterion.parts)),
        )

    def _join(self, join: Join) -> str:
        match join.kind, join.count:
            case "all", _:
                return "all of"
            case "any", _:
                return "any one of"
            case _, int(count):
                return f"at least {count} of"
            case _, counted:
                source = counted.source.strip() if counted and not isinstance(counted, int) else ""
                parameter = self._plan.parameters.get(source.removeprefix("%"))
                return f"at least {parameter.value if parameter else source} of"

    def _remarks(self, criterion: Criterion) -> Iterator[Remark]:
        if criterion.text and criterion.text != criterion.title:
            yield Remark("", criterion.text)
        if criterion.rationale:
            yield Remark("Because", criterion.rationale)
        if criterion.determination_of:
            yield Remark("Read from another determination", self._elsewhere(criterion.determination_of))
        for state, written in (criterion.state_texts or {}).items():
            words = written.text if isinstance(written.text, str) else _OWN_STATE_WORDS
            critical = " (critical)" if written.indicator == "critical" else ""
            yield Remark(f"Said {_STATE_WORDS[state]}{critical}", words)
        if criterion.support is not None and criterion.refute is None and criterion.role not in _NEVER_REFUTED:
            yield Remark("", "Nothing on record can refute it; it holds or stays open.")
        reasons = dict.fromkeys(REASON_WORDS[reason] for reason, _ in criterion.unknown_because)
        if reasons:
            yield Remark("Also open where the record is", "; ".join(reasons))
        if criterion.prompt:
            yield Remark("If it is open, asks for", criterion.prompt)
        if criterion.human_review:
            yield Remark("", "If it holds, a physician must look.")
        if criterion.citations:
            yield Remark("Sources", ", ".join(self._cited(one) for one in criterion.citations))

    def _cited(self, citation: Citation) -> str:
        return f"{self._sources[citation]} ({_identified(citation)})"

    def _elsewhere(self, wanted: DeterminationOf) -> str:
        other = next((one for one in self._policies.plans if one.canonical == wanted.canonical), None)
        title = other.title if other else wanted.canonical
        node = next((one.title for one in other.walk() if one.id == wanted.node), None) if other else None
        what = "the need as a whole" if wanted.node == "clinical" else f"“{node or wanted.node}”"
        codes = ", ".join(sorted(code for _, code in wanted.codes.codes))
        site = ", at the same site" if wanted.same_site else ""
        return f"{what} under the policy “{title}”, for an order of {codes} in the same set{site}."

    def _suggestion(self, suggestion: Suggestion) -> Entry:
        titles = {node.id: node.title for node in self._plan.walk()}
        when = []
        if suggestion.outcome:
            when.append(f"the result is {suggestion.outcome}")
        if suggestion.criterion:
            state = {"true": "holds", "false": "does not hold"}.get(suggestion.state or "", "is open")
            when.append(f"“{titles.get(suggestion.criterion, suggestion.criterion)}” {state}")
        return Entry(suggestion.label, remarks=(Remark("When", " and ".join(when) or "always"),))


_NEVER_REFUTED = (Role.CONDITION, Role.CAUTION, Role.SUPPORTING, Role.CODE_CONFLICT)
"""These are not asked to be refuted: nothing changes if they stay open."""


def _warning(plan: PlanDefinition) -> str | None:
    stage = _STAGE_WORDS.get(plan.review_stage, plan.review_stage or "")
    if plan.status != "active":
        return f"{plan.status.upper()} - NOT FOR CLINICAL USE. Review stage: {stage}."
    if plan.experimental:
        return "EXPERIMENTAL - NOT FOR CLINICAL USE."
    if plan.review_stage != "approved" or plan.approval_date is None or not plan.reviewers:
        return f"NOT APPROVED - NOT FOR CLINICAL USE. Review stage: {stage}."
    return None


def _review_words(plan: PlanDefinition) -> str:
    if plan.last_review_date is None:
        return "never"
    expires = add(plan.last_review_date, REVIEW_VALID_MONTHS, "month")
    return f"{plan.last_review_date}, counts until {expires}" if expires else str(plan.last_review_date)


def _parameter(parameter: Parameter) -> Entry:
    basis = (Remark("Basis", parameter.basis),) if parameter.basis else (Remark("Basis", "not stated"),)
    mark = "signed off" if parameter.signed_off else "not signed off"
    return Entry(f"{parameter.name}: {parameter.value}", mark=mark, remarks=basis)


def _source(citation: Citation, name: str) -> Entry:
    return Entry(
        citation.text or citation.url or "", mark=_identified(citation), name=name, remarks=tuple(_about(citation))
    )


def _about(citation: Citation) -> Iterable[Remark]:
    if citation.population:
        yield Remark("Population", citation.population)
    if citation.sample_size is not None:
        yield Remark("Number of patients", str(citation.sample_size))
    if citation.strength:
        yield Remark("Strength of recommendation", citation.strength)
    if citation.quality:
        yield Remark("Quality of evidence", citation.quality)
    if citation.url:
        yield Remark("", citation.url, url=citation.url)


def _identified(citation: Citation) -> str:
    return (citation.identification or "identification not stated").replace("-", " ")

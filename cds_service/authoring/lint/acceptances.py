"""Findings that are left as they are: listed with their reasons in `lint.yaml` beside the policies.

- rule: no-refutation
  policy: spine-corpectomy-malignant    # the last part of its canonical; left out: all of the folder
  criteria: [SC.img]                    # left out: all of the policy
  reason: Imaging is there or is missing; none of it can show that there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import yaml

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.rules import RULES
from cds_service.plan_definition.package import PolicyFile, PolicyFiles

__all__ = ["LISTED_IN", "apply"]

LISTED_IN = "lint.yaml"
_MEMBERS = {"rule", "policy", "criteria", "reason"}
_NEVER = ("acceptance-malformed", "stale-acceptance")


@dataclass(frozen=True, slots=True)
class _Acceptance:
    place: str
    group: str
    rule: str
    reason: str
    policy: str | None = None
    criterion: str | None = None

    def accepts(self, finding: Finding) -> bool:
        """Return whether a finding is accepted by this."""
        return (
            (finding.rule, finding.group) == (self.rule, self.group)
            and self.policy in (None, _name_of(finding))
            and self.criterion in (None, finding.action)
        )

    def __str__(self) -> str:
        """Return what it accepts."""
        return " ".join(f"`{one}`" for one in (self.rule, self.policy, self.criterion) if one)


def apply(findings: Sequence[Finding], files: PolicyFiles) -> Iterator[Finding]:
    """Yield the findings, those that are accepted marked with the reason, and what is wrong with the acceptances."""
    listed: list[_Acceptance] = []
    for text in files.texts:
        if text.place == LISTED_IN:
            for one in _read(text):
                if isinstance(one, Finding):
                    yield one
                else:
                    listed.append(one)
    used = set()
    for finding in findings:
        match = next((one for one in listed if one.accepts(finding)), None)
        if match is not None:
            used.add(match)
        yield replace(finding, accepted=match.reason) if match else finding
    for one in listed:
        if one not in used:
            yield Finding("stale-acceptance", f"nothing is found for {one}", one.group, one.place)


def _name_of(finding: Finding) -> str:
    return str(finding.canonical).partition("|")[0].rpartition("/")[2]


def _read(text: PolicyFile) -> Iterator[_Acceptance | Finding]:
    place = f"{text.group}/{text.place}"
    try:
        entries = yaml.safe_load(text.body)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        entries = None
    if not isinstance(entries, list):
        yield Finding("acceptance-malformed", "a list of entries is needed", text.group, place)
        return
    for i, entry in enumerate(entries):
        problem = _problem(entry)
        if problem:
            yield Finding("acceptance-malformed", f"entry {i + 1}: {problem}", text.group, place)
            continue
        for criterion in entry.get("criteria") or [None]:
            yield _Acceptance(place, text.group, entry["rule"], entry["reason"], entry.get("policy"), criterion)


def _problem(entry: object) -> str:
    if not isinstance(entry, dict):
        return "must have members"
    unknown = sorted(str(name) for name in entry if name not in _MEMBERS)
    if unknown:
        return f"there is no member {', '.join(f'`{name}`' for name in unknown)}"
    rule = entry.get("rule")
    if not isinstance(rule, str) or rule not in RULES or rule in _NEVER:
        return f"`{rule}` is no rule that can be accepted"
    if not isinstance(entry.get("reason"), str) or not entry["reason"].strip():
        return "there is no reason"
    if not isinstance(entry.get("policy", ""), str):
        return "`policy` must be a name"
    criteria = entry.get("criteria", [])
    if not isinstance(criteria, list) or not all(isinstance(one, str) for one in criteria):
        return "`criteria` must be a list of ids"
    return ""

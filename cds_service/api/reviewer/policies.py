"""Policies to look through: what each asks, drawn as its tree, its cases and what they cover, versions compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Final

import msgspec

from cds_service.api.reviewer.refusal import Refusal, no_such_page
from cds_service.authoring.cases import Case, check
from cds_service.authoring.coverage import STATES, PolicyCoverage, coverage
from cds_service.authoring.diff import Release, as_json, as_page, compare, read_release
from cds_service.authoring.listing import as_json as listed_json
from cds_service.authoring.listing import listing
from cds_service.authoring.show import show
from cds_service.authoring.suite import runs_of
from cds_service.errors import ContentError
from cds_service.necessity.lifecycle import standing
from cds_service.plan_definition.artifacts import Artifacts, read_artifacts
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.policy_files import fixtures_in, read_policy_files
from cds_service.wiring import Application, policies_folder

__all__ = ["Library"]

Json = dict[str, Any]

_FIXTURES: Final = "fixtures"


class Library:
    """The policies of an application, with the files that they are made of, read when they are first asked for."""

    def __init__(self, application: Application) -> None:
        """Look through the policies that `application` decides by."""
        self._application = application
        self._place = policies_folder(application.settings.policies)
        self._ran: dict[str, Json] = {}
        self._running = Lock()

    @property
    def policies(self) -> Policies:
        """Return the policies that decide."""
        return self._application.policies

    @cached_property
    def _artifacts(self) -> Artifacts:
        return read_artifacts(read_policy_files(self._place).artifacts)

    @cached_property
    def _cases(self) -> Mapping[tuple[str, str], Case]:
        return read_release(read_policy_files(self._place)).cases

    def words(self, group: str) -> str:
        """Return the author's own page on the policies of a folder. Raises Refusal."""
        page = self._application.policy_pages.get(group)
        if page is None:
            raise no_such_page()
        return page.decode()

    def everything(self) -> Json:
        """Return every version of every policy, with its standing and whether production lets it decide today."""
        application = self._application
        found = list(
            listing(self.policies, application.clock(), review_valid_months=application.settings.review_valid_months)
        )
        return {
            "policies": [
                told | {"standing": standing(one.plan), "reference": one.plan.reference, "url": _address(one.plan)}
                for one, told in zip(found, listed_json(found), strict=True)
            ]
        }

    def group(self, group: str) -> Json:
        """Return the policies of a folder, each in words and as its tree. Raises Refusal."""
        plans = self._in(group)
        try:
            pages = [msgspec.to_builtins(show(plan, self.policies, self._artifacts)) for plan in plans]
        except ContentError:
            raise Refusal(409, "conflict", "the policies' files are no longer those that decide") from None
        return {
            "group": group,
            "words": self._application.policy_pages.get(group, b"").decode().splitlines(),
            "policies": [
                {"reference": plan.reference, "canonical": plan.canonical, "page": page}
                for plan, page in zip(plans, pages, strict=True)
            ],
            "versions": self._versions({plan.canonical for plan in plans}),
        }

    def cases(self, group: str, *, run: bool) -> Json:
        """Return the cases of a folder, and with `run` what comes of them: they are run once. Raises Refusal."""
        self._in(group)
        try:
            cases = {name: case for (where, name), case in self._cases.items() if where == group}
            with self._running:
                if run and group not in self._ran:
                    self._ran[group] = self._run(group, cases)
        except ContentError:
            raise Refusal(
                409, "conflict", "the cases cannot be run here; `cds-service policies test` tells why"
            ) from None
        told = [_case(one) for one in cases.values()]
        charts = self._charts is not None
        return {
            "group": group,
            "cases": told,
            "charts": charts,
            **(self._ran.get(group) or {"run": None, "coverage": []}),
        }

    @cached_property
    def _charts(self) -> Path | None:
        near = (self._place.resolve().parent / _FIXTURES, Path(_FIXTURES))
        return next((one for one in near if one.is_dir()), None)

    def _run(self, group: str, cases: Mapping[str, Case]) -> Json:
        if self._charts is None:
            raise Refusal(409, "conflict", "the charts of the cases are not here")
        runs = runs_of(cases.values(), fixtures_in(self._charts))
        evaluated = [(one, one.evaluate(self.policies)) for one in runs]
        seen = coverage(self._in(group), (one for _, evaluation in evaluated for one in evaluation.determinations))
        failed = sorted({one.case.id for one, evaluation in evaluated if any(check(one.case, evaluation))})
        return {"run": {"count": len(runs), "failed": failed}, "coverage": [_covered(one) for one in seen]}

    def compared(self, before: str, after: str) -> Json:
        """Return two versions of one policy compared, by their `canonical|version`. Raises Refusal."""
        versions = {plan.reference: plan for plan in self.policies.plans}
        old, new = versions.get(before), versions.get(after)
        told: Json = {
            "before": before or None,
            "after": after or None,
            "versions": self._versions(),
            "comparison": None,
        }
        if old is None or new is None:
            if before or after:
                raise no_such_page()
            return told
        if old.canonical != new.canonical:
            raise Refusal(400, "invalid", "compare two versions of one policy")
        found = compare(self._release(old), self._release(new), fixture=None)
        return told | {"comparison": as_json(found), "page": msgspec.to_builtins(as_page(found))}

    def _release(self, plan: PlanDefinition) -> Release:
        return Release(Policies((plan,)), self._artifacts, {})

    def _versions(self, wanted: set[str] | None = None) -> list[Json]:
        """Return the policies that are here in several versions."""
        held: dict[str, list[PlanDefinition]] = {}
        for plan in self.policies.plans:
            held.setdefault(plan.canonical, []).append(plan)
        return [
            {"canonical": name, "title": plans[-1].title, "references": [one.reference for one in plans]}
            for name, plans in held.items()
            if len(plans) > 1 and (wanted is None or name in wanted)
        ]

    def _in(self, group: str) -> list[PlanDefinition]:
        plans = [plan for plan in self.policies.plans if plan.group == group]
        if not plans:
            raise no_such_page()
        return plans


def _address(plan: PlanDefinition) -> str:
    return f"/policies/{plan.group}"


def _case(case: Case) -> Json:
    return {
        "id": case.id,
        "title": case.title,
        "base": case.base,
        "orders": list(case.orders),
        "shapes": list(case.shapes),
        "expect": {
            code: {"outcome": str(one.outcome) if one.outcome else None, "kind": str(one.kind) if one.kind else None}
            for code, one in case.expect.items()
        },
    }


def _covered(one: PolicyCoverage) -> Json:
    return {
        "policy": one.plan.reference,
        "title": one.plan.title,
        "criteria": [
            {
                "id": each.criterion.id,
                "title": each.criterion.title,
                "decides": each.decides,
                "seen": {words: each.seen.get(state, 0) for state, words in STATES.items()},
            }
            for each in one.criteria
        ],
        "gaps": [{"criterion": name, "state": STATES[state]} for name, state in one.gaps],
    }

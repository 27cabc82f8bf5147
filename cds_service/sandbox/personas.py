"""Patients whose outcomes are fixed: cases of the policies, each as a patient of their own.

A persona is a case of `plan_definitions/*/cases.yaml` in one shape of evidence, so that what it shows is what the
cases prove; a few differ from theirs in how the EHR behaves, and say what comes of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from cds_service.authoring.case_chart import Chart, set_up
from cds_service.authoring.cases import Case, read_cases
from cds_service.fhir.encoding import decode
from cds_service.sandbox.renaming import renamed
from cds_service.wiring import policies_folder

__all__ = ["PAYER", "Behaviour", "Persona", "described", "fixtures_folder", "personas"]

Behaviour: TypeAlias = Literal["", "refuses", "slow"]
"""What the FHIR server does that the service is given for a persona; the chart is read from one that works."""
Role: TypeAlias = Literal["provider", "payer", "production"]

PAYER = "https://cds-service.example/payers", "sandbox-payer"
"""System and value of the identifier of the one who pays for every persona."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where libyaml is there; that members stand once is checked by `cds-service policies test`."""


@dataclass(frozen=True, slots=True)
class Persona:
    """A patient, their draft orders, and what is determined of each ordered code; `None`: nothing is."""

    id: str
    title: str
    source: str
    """The case that it is made of, as `folder/id, shape`."""
    codes: tuple[str, ...]
    drafts: tuple[dict[str, Any], ...]
    """As an EHR signs them that keeps no drafts; `chart` has them, too, for those that sign what they have kept."""
    chart: tuple[dict[str, Any], ...]
    expected: Mapping[str, str | None]
    behaviour: Behaviour = ""
    role: Role = "provider"
    prefetch: bool = True
    """Whether the EHR sends the chart with the request, to begin with."""


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    title: str
    case: str
    shape: str = "b"
    orders: tuple[str, ...] = ()
    expected: Mapping[str, str | None] = field(default_factory=dict)
    behaviour: Behaviour = ""
    role: Role = "provider"
    prefetch: bool = True


_SPINE, _PELVIS, _MR = "spinal-tumor-corpectomy", "pelvic-tumor-resection", "sarcoma-surveillance-imaging"
_UNREAD = {"63102": "information-missing", "22854": "information-missing", "22849": "information-missing"}
_ENTRIES = (
    _Entry("spine-seed", "Spinal sarcoma after a debulking; 22849 is not independently indicated", f"{_SPINE}/E-01"),
    _Entry("spine-all-met", "The fixation has loosened: all three codes are met", f"{_SPINE}/E-24"),
    _Entry("spine-no-need", "All three needs are refuted", f"{_SPINE}/E-15"),
    _Entry("spine-silent", "Nothing is said of any need", f"{_SPINE}/E-16"),
    _Entry("spine-wrong-level", "The order names L3, the tumour is at L1", f"{_SPINE}/E-18"),
    _Entry("spine-wrong-code", "The thoracic code for a lumbar vertebra", f"{_SPINE}/E-22"),
    _Entry("spine-conflict", "Two reports of one day contradict each other", f"{_SPINE}/E-30"),
    _Entry("spine-preliminary", "The report of the imaging is preliminary", f"{_SPINE}/E-32"),
    _Entry("spine-narrative", "The findings stand in the report's text only", f"{_SPINE}/E-33"),
    _Entry("spine-metastasis", "The diagnosis is a metastasis, outside the policy", f"{_SPINE}/E-21"),
    _Entry("spine-birth-year", "Of the birth date the year alone is known", f"{_SPINE}/E-39b"),
    _Entry("pelvis-seed", "Pelvic sarcoma: resection, sacral corpectomy and neuroplasty", f"{_PELVIS}/F-01"),
    _Entry("pelvis-encased", "The great vessels are encased: one code is not met", f"{_PELVIS}/F-02"),
    _Entry("pelvis-no-report", "The imaging is not yet reported", f"{_PELVIS}/F-36g"),
    _Entry("pelvis-sacrum-clear", "The imaging says that the sacrum is free", f"{_PELVIS}/F-13"),
    _Entry("pelvis-wrong-side", "The order is for the right, the tumour on the left", f"{_PELVIS}/F-11"),
    _Entry("follow-up-due", "Follow-up MR twelve weeks after the last", f"{_MR}/M-01"),
    _Entry("follow-up-early", "Follow-up MR a day too early", f"{_MR}/M-25b"),
    _Entry("follow-up-over", "Treated three years ago: the policy is not about this", f"{_MR}/M-23"),
    _Entry("no-policy", "A code that no policy covers", f"{_SPINE}/E-01", orders=("29881",), expected={"29881": None}),
    _Entry(
        "fhir-refuses",
        "The FHIR server answers 401, and nothing is prefetched",
        f"{_SPINE}/E-01",
        expected=_UNREAD,
        behaviour="refuses",
        prefetch=False,
    ),
    _Entry(
        "fhir-slow",
        "The FHIR server is too slow, and nothing is prefetched",
        f"{_SPINE}/E-01",
        expected=_UNREAD,
        behaviour="slow",
        prefetch=False,
    ),
    _Entry(
        "malformed-order",
        "The code of the corpectomy is written as a text, which is no FHIR",
        f"{_SPINE}/E-01",
        expected={"63102": None, "22854": "information-missing", "22849": "not-met"},
    ),
    _Entry("production", "What production makes of a draft policy", f"{_MR}/M-36", role="production"),
    _Entry("hostile-chart", "A chart full of markup, which stays text", f"{_SPINE}/E-01"),
)


def fixtures_folder() -> Path:
    """Return where the charts and orders are that cases start from: they come with the service."""
    packaged = Path(__file__).parent.parent / "fixtures"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "fixtures"


@cache
def personas() -> Mapping[str, Persona]:
    """Return the personas by id, in the order in which a list shows them. Raises ContentError."""
    cases = {folder: _cases(folder) for folder in (_SPINE, _PELVIS, _MR)}
    return {one.id: _persona(one, cases) for one in _ENTRIES}


def _cases(folder: str) -> Mapping[str, Case]:
    place = policies_folder(None) / folder / "cases.yaml"
    written = yaml.load(place.read_bytes(), _LOADER)  # noqa: S506 - a safe one
    return {one.id: one for one in read_cases(written, place=str(place))}


def _fixture(name: str) -> Any:
    return decode((fixtures_folder() / name).read_bytes())


def _persona(entry: _Entry, cases: Mapping[str, Mapping[str, Case]]) -> Persona:
    folder, _, name = entry.case.partition("/")
    case = cases[folder][name]
    shape = entry.shape if entry.shape in case.shapes else case.shapes[0]
    chart = set_up(case, shape, _fixture)
    _edit(entry, case, chart)
    drafts, resources = renamed(chart, entry.id)
    expected = entry.expected or {code: _outcome(one.outcome) for code, one in case.expect.items()}
    return Persona(
        id=entry.id,
        title=entry.title,
        source=f"{entry.case}, {shape}",
        codes=entry.orders or case.orders,
        drafts=tuple(drafts),
        chart=(*resources, _coverage(entry.id), *({**one, "id": f"{entry.id}-{one['id']}"} for one in drafts)),
        expected=expected,
        behaviour=entry.behaviour,
        role=entry.role,
        prefetch=entry.prefetch,
    )


def _outcome(outcome: object) -> str | None:
    return None if outcome is None else str(outcome)


def _edit(entry: _Entry, case: Case, chart: Chart) -> None:
    """Change what a case cannot say: the day it happens on, other orders, an order that is none, texts that attack."""
    if case.as_of is not None:
        for draft in chart.drafts:
            draft["authoredOn"] = str(case.as_of)
    if entry.orders:
        chart.drafts[:] = chart.drafts[: len(entry.orders)]
        for draft, code in zip(chart.drafts, entry.orders, strict=True):
            draft |= {"id": f"order-{code}", "code": {"coding": [{**draft["code"]["coding"][0], "code": code}]}}
    if entry.id == "malformed-order":
        chart.drafts[0]["code"] = case.orders[0]
    if entry.id == "hostile-chart":
        for number, one in enumerate(chart.resources):
            _attack(one, number)


_ATTACKS = (
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "[click](javascript:alert(1)) ![](http://127.0.0.1:9/x.png) **bold** `code` | a | b |",
    "\u202egnp.exe\u202c zero\u200bwidth </p></li></main><h1>owned</h1>",
    "A" * 10_000,
    "{{ 7 * 7 }} ${7*7} &lt;b&gt; \"'><svg/onload=alert(1)>",
)


def _attack(value: Any, number: int) -> None:
    """Put texts that attack a reader in the place of all that a person wrote."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _attack(child, number)
    if isinstance(value, dict):
        for name in ("display", "text", "conclusion", "family"):
            if isinstance(value.get(name), str):
                value[name] = _ATTACKS[number % len(_ATTACKS)]


def _coverage(patient: str) -> dict[str, Any]:
    system, value = PAYER
    return {
        "resourceType": "Coverage",
        "id": f"{patient}-coverage",
        "status": "active",
        "subscriberId": f"member-{patient}",
        "beneficiary": {"reference": f"Patient/{patient}"},
        "payor": [{"identifier": {"system": system, "value": value}, "display": "Sandbox payer"}],
    }


def described(many: Iterable[Persona]) -> Iterable[str]:
    """Yield the lines of the table of personas, in Markdown."""
    yield "| persona | what it shows | made of the case | codes and outcomes |"
    yield "|---|---|---|---|"
    for one in many:
        outcomes = ", ".join(f"{code} {outcome or 'not judged'}" for code, outcome in one.expected.items())
        yield f"| [`{one.id}`](http://127.0.0.1:8000/?patient={one.id}) | {one.title} | {one.source} | {outcomes} |"

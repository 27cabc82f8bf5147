"""A new policy: a folder that loads and lints, with cases that fail until the author has filled it in.

The files stand in `new_policy/`, with `$name` and the like where something is put in. They decide on the ordered codes
by one diagnosis and one finding, stood in for by local codes, so that they can be tried at once. Where the author must
decide, a text begins with `DECIDE:`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Any

from cds_service.fhir.values import CPT_SYSTEMS, Code
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension

__all__ = ["NAME", "NewPolicy", "scaffold"]

NAME = re.compile(r"[a-z][a-z0-9]{0,30}(?:-[a-z0-9]{1,30}){0,5}")
"""What a policy may be called: lower-case words joined by hyphens."""


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """The files of a new policy: path below the folder of policies, or that of fixtures, to content."""

    policy: Mapping[str, bytes]
    fixtures: Mapping[str, bytes]


def scaffold(name: str, *, title: str, codes: Sequence[Code], base: str = CANONICAL_BASE) -> NewPolicy:
    """Return a policy called `name`, of the form NAME, that decides on `codes`, at least one, under `base`."""
    words = name.split("-")
    values = {
        "name": name,
        "pascal": "".join(word.capitalize() for word in words),
        "letters": ("".join(word[0] for word in words) if len(words) > 1 else name[:2]).upper(),
        "base": base,
        "title": title,
        "ordered": title[:1].lower() + title[1:],
        "code": codes[0][1],
        "codes": ", ".join(code for _, code in codes),
        "includes": _lines((_include(system, codes) for system in dict.fromkeys(own for own, _ in codes)), 6),
        "drafts": _lines((_draft(code, name) for code in codes), 8),
    }
    templates = files("cds_service.authoring").joinpath("new_policy")
    return NewPolicy(
        policy={f"{name}/{place}": body for place, body in _filled(templates.joinpath("policy"), values)},
        fixtures=dict(_filled(templates.joinpath("fixtures"), values)),
    )


def _filled(folder: Traversable, values: Mapping[str, str], above: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of each file below a folder of templates."""
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        place = above + one.name.replace("NAME", values["name"])
        if one.is_dir():
            yield from _filled(one, values, f"{place}/")
        elif one.name.endswith(".json"):
            yield place, _fill(one, {**values, **{key: _in_json(values[key]) for key in ("title", "ordered")}})
        else:
            yield place, _fill(one, values)


def _fill(template: Traversable, values: Mapping[str, str]) -> bytes:
    return Template(template.read_text(encoding="utf-8")).substitute(values).encode()


def _in_json(text: str) -> str:
    """Return text as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _lines(values: Iterator[dict[str, Any]], indent: int) -> str:
    """Return JSON values as the members of an array, each on a line."""
    return ",\n".join(" " * indent + json.dumps(value, ensure_ascii=False) for value in values)


def _include(system: str | None, codes: Sequence[Code]) -> dict[str, Any]:
    return {"system": system, "concept": [_concept(system, code) for own, code in codes if own == system]}


def _concept(system: str | None, code: str) -> dict[str, Any]:
    """Return an ordered code with words to be decided; a CPT code has a paraphrase, as the AMA's words are not ours."""
    words = f"DECIDE: own short words for {code}"
    concept = {"extension": [{"url": Extension.CODE_VERIFICATION, "valueCode": "unverified"}], "code": code}
    if system not in CPT_SYSTEMS:
        return {**concept, "display": words}
    use = {"system": f"{CANONICAL_BASE}/CodeSystem/designation-use", "code": "paraphrase"}
    return {**concept, "designation": [{"use": use, "value": words}]}


def _draft(code: Code, patient: str) -> dict[str, Any]:
    """Return a draft order of a code, signed on the day that cases are judged on."""
    order = {
        "resourceType": "ServiceRequest",
        "id": f"order-{code[1]}",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": code[0], "code": code[1]}]},
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": "2026-01-15",
    }
    return {"resource": order}

"""Write cds_service/fhir/r4_types.json: which elements an R4 type has, of what type, once or many times.

    python scripts/generate_r4_types.py

The source is fhir.resources' R4B models, with R4B's differences from R4 4.0.1 undone below. One line per type:
{"Condition": ["DomainResource", {"code": "CodeableConcept", "evidence": "Condition.evidence*",
                                   "onset": "dateTime|Age|Period|Range|string"}]}
`*` marks an element that repeats, `|` the types of a choice element (JSON key: name + type with a capital).
"""

import importlib
import json
import pkgutil
import types
import typing
import uuid
from pathlib import Path

import fhir.resources.R4B as R4B

OUT = Path(__file__).parent.parent / "cds_service" / "fhir" / "r4_types.json"

PRIMITIVES = {
    "boolean": "Element", "integer": "Element", "string": "Element", "decimal": "Element", "uri": "Element",
    "base64Binary": "Element", "instant": "Element", "date": "Element", "dateTime": "Element", "time": "Element",
    "xhtml": "Element", "code": "string", "id": "string", "markdown": "string", "url": "uri",
    "canonical": "uri", "oid": "uri", "uuid": "uri", "positiveInt": "integer", "unsignedInt": "integer",
}  # fmt: skip

# The 19 types without a model and the two that R4B redesigned are left out: no order, chart or policy holds them.
REDESIGNED = {"Evidence", "EvidenceVariable"}
NOT_IN_R4 = {
    "CodeableReference", "RatioRange", "Citation", "EvidenceReport", "NutritionProduct", "SubscriptionStatus",
    "SubscriptionTopic", "AdministrableProductDefinition", "ClinicalUseDefinition", "Ingredient",
    "ManufacturedItemDefinition", "MedicinalProductDefinition", "PackagedProductDefinition",
    "RegulatedAuthorization", "SubstanceDefinition",
}  # fmt: skip
NOT_ELEMENTS_IN_R4 = {
    ("PlanDefinition", "subjectCanonical"),
    ("PlanDefinitionAction", "subjectCanonical"),
    ("ActivityDefinition", "subjectCanonical"),
}


def models() -> dict[str, type]:
    """Every model class of the package by its class name."""
    found = {}
    for module in pkgutil.iter_modules(R4B.__path__):
        if module.name in ("tests", "fhirtypes", "fhirtypesvalidators"):
            continue
        loaded = importlib.import_module(f"fhir.resources.R4B.{module.name}")
        own = (one for one in vars(loaded).items() if isinstance(one[1], type) and one[1].__module__ == loaded.__name__)
        found.update(own)
    return found


def read_annotation(annotation: object) -> tuple[str, bool]:
    """(name of the type as fhir.resources writes it, does the element repeat)."""
    many = False
    options = [annotation]
    while True:
        options = [one for one in options if one is not type(None)]
        if len(options) > 1:  # List[X | None], str | None
            options = options[:1]
        annotation = options[0]
        origin = typing.get_origin(annotation)
        if origin is list:
            many, options = True, list(typing.get_args(annotation))
        elif origin in (typing.Union, types.UnionType):
            options = list(typing.get_args(annotation))
        elif hasattr(annotation, "__metadata__"):
            for note in annotation.__metadata__:
                if type(note).__module__.startswith("fhir_core"):
                    return lower(type(note).__name__), many
            options = [annotation.__origin__]
        else:
            break
    if annotation is uuid.UUID:
        return "uuid", many
    if annotation is bool:
        return "boolean", many
    return annotation.__name__.removesuffix("Type"), many


def lower(name: str) -> str:
    return name[0].lower() + name[1:]


def main() -> None:
    classes = models()
    path_of: dict[str, str] = {}

    def is_backbone(name: str, owner: str) -> bool:
        return name.startswith(owner) and name != owner and name in classes and name not in tops

    tops = {
        name
        for name, cls in classes.items()
        if any(base.__name__ in ("Resource", "DomainResource") for base in cls.__mro__)
        or not any(name != other and name.startswith(other) for other in classes)
    } | {"DataRequirement", "ElementDefinition", "CodeableConcept", "ContactDetail", "ContactPoint"}

    table: dict[str, tuple[str | None, dict[str, str]]] = {}
    queue = [(name, name) for name in sorted(tops)]
    done = set()
    while queue:
        name, path = queue.pop(0)
        if path in done or name.startswith("FHIR") or name in REDESIGNED | NOT_IN_R4:
            continue
        done.add(path)
        cls = classes[name]
        path_of[name] = path
        base = cls.__mro__[1].__name__
        inherited = set(cls.__mro__[1].model_fields) if hasattr(cls.__mro__[1], "model_fields") else set()
        elements: dict[str, list[str]] = {}
        repeats = {}
        for field, info in cls.model_fields.items():
            if (
                field.endswith("__ext")
                or field in ("fhir_comments", "resource_type", "resourceType")
                or field in inherited
            ):
                continue
            kind, many = read_annotation(info.annotation)
            if kind not in classes and kind not in PRIMITIVES:
                raise SystemExit(f"{name}.{field}: unknown type {kind}")
            extra = info.json_schema_extra or {}
            element = extra.get("one_of_many") or (info.alias or field)
            if (name, element) in NOT_ELEMENTS_IN_R4 or (name, info.alias or field) in NOT_ELEMENTS_IN_R4:
                continue
            if kind in NOT_IN_R4:
                continue
            root = path.split(".")[0]
            if is_backbone(kind, root):
                known = path_of.get(kind)
                child = known or f"{path}.{element}"
                path_of.setdefault(kind, child)
                queue.append((kind, child))
                kind = child
            elements.setdefault(element, []).append(kind)
            repeats[element] = many
        table[path] = (
            None if base in ("FHIRResourceModel", "FHIRElementModel", "FHIRAbstractModel", "BaseModel") else base,
            {e: "|".join(kinds) + ("*" if repeats[e] else "") for e, kinds in elements.items()},
        )
    table["Extension"][1]["value"] += "|Meta"
    table["Resource"][1]["id"] = "id"
    table.update({name: (base, {}) for name, base in PRIMITIVES.items()})
    lines = [f"{json.dumps(n)}: {json.dumps(table[n], separators=(',', ':'))}" for n in sorted(table)]
    OUT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(table)} types -> {OUT.name}, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()

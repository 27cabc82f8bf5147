"""What policies read → the prefetch templates that a client may fill, and the queries for what it did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cds_service.fhir.query import FhirQuery, literal
from cds_service.fhir.values import Code
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["COVERAGE", "SELDOM_SENT", "coverage_query", "prefetch_of", "queries_of", "types_by_key"]

COVERAGE = "coverage"
"""The key of the patient's active coverage, which a payer needs."""

SELDOM_SENT = frozenset(("QuestionnaireResponse",))
"""Types that are asked for and, where a client does not send them, not missed: what they would say is asked anew."""

_TOKEN = "{{context.patientId}}"  # noqa: S105 - a prefetch token
_MOST_CODES = 50
_DISPATCHED = "ServiceRequest?_id={{context.dispatchedOrders.resolve().ofType(ServiceRequest).id}}"
_PAYERS = "Organization?_id={{%coverage.entry.resource.ofType(Coverage).payor.resolve().ofType(Organization).id}}"
_SEARCHED_BY_CODE = frozenset(
    ("AllergyIntolerance", "Condition", "DiagnosticReport", "Observation", "Procedure", "ServiceRequest")
)


def prefetch_of(
    plans: Iterable[PlanDefinition], *, payer: bool = False, hook: str = "", fhirpath: bool = False
) -> dict[str, str]:
    """Return prefetch templates by key: the patient, and a search by patient for each type that a policy reads.

    Only what CDS Hooks 2.0 allows: root-level context tokens, no modifiers, no `_include`. With `fhirpath` also what
    takes the tokens of CDS Hooks 3.0: the orders that are dispatched, and who pays.
    """
    queries = queries_of(plans, _TOKEN, payer=payer)
    templates = {one.key: f"Patient/{_TOKEN}" if one.id else _template(one) for one in queries}
    if fhirpath and hook == "order-dispatch":
        templates["orders"] = _DISPATCHED
    if fhirpath and payer:
        templates["payers"] = _PAYERS
    return templates


def types_by_key(plans: Iterable[PlanDefinition], *, payer: bool = False) -> Mapping[str, str]:
    """Return the type of resource that each prefetch key asks for."""
    return {one.key: one.type for one in queries_of(plans, _TOKEN, payer=payer)}


def queries_of(
    plans: Iterable[PlanDefinition], patient_id: str, *, payer: bool = False, by_code: bool = False
) -> tuple[FhirQuery, ...]:
    """Return what these policies read of a patient's chart: the patient, then one search for each type, by name.

    `by_code` narrows a search to the codes that all inputs of its type name, where they do and the codes are few.
    """
    plans = tuple(plans)
    types = {one.type for plan in plans for one in plan.inputs} - {"Patient"}
    if any(plan.questions for plan in plans):
        types.add("QuestionnaireResponse")
    found = [FhirQuery(key="patient", type="Patient", id=patient_id)]
    for kind in sorted(types):
        codes = _codes(plans, kind) if by_code else ()
        narrowed = (("code", ",".join(f"{system or ''}|{code}" for system, code in codes)),) if codes else ()
        found.append(FhirQuery(key=_key(kind), type=kind, parameters=(("patient", literal(patient_id)), *narrowed)))
    return (*found, coverage_query(patient_id)) if payer else tuple(found)


def coverage_query(patient_id: str) -> FhirQuery:
    """Return the search for a patient's active coverage, as CRD's own prefetch has it."""
    return FhirQuery(key=COVERAGE, type="Coverage", parameters=(("patient", literal(patient_id)), ("status", "active")))


def _codes(plans: Iterable[PlanDefinition], kind: str) -> tuple[Code, ...]:
    """Return the codes that a search of a type may be narrowed to; none where an input reads all of them."""
    if kind not in _SEARCHED_BY_CODE:
        return ()
    wanted: set[Code] = set()
    for one in (one for plan in plans for one in plan.inputs if one.type == kind):
        codes = next((each.codes for each in one.filters if each.path == "code"), None)
        if codes is None:
            return ()
        wanted |= codes
    return tuple(sorted(wanted, key=str)) if len(wanted) <= _MOST_CODES else ()


def _template(query: FhirQuery) -> str:
    return f"{query.type}?{'&'.join(f'{name}={value}' for name, value in query.parameters)}"


def _key(type_name: str) -> str:
    return type_name[0].lower() + type_name[1:]

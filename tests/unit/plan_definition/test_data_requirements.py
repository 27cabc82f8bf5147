"""What policies read, as the prefetch that a client may fill."""

from __future__ import annotations

import re

import pytest

from cds_service.fhir.definitions import element, is_resource
from cds_service.plan_definition.data_requirements import prefetch_of, queries_of
from tests.charts import shipped
from tests.unit.plan_definition.plans import compiled, plan


def with_inputs(*types: str) -> dict[str, str]:
    made = plan()
    made["action"][0]["input"] += [{"id": f"i{i}", "type": kind} for i, kind in enumerate(types)]
    return prefetch_of(compiled(made).plans)


def test_the_patient_is_read_and_each_type_is_searched_by_patient() -> None:
    assert with_inputs("Condition", "ImagingStudy") == {
        "patient": "Patient/{{context.patientId}}",
        "condition": "Condition?patient={{context.patientId}}",
        "imagingStudy": "ImagingStudy?patient={{context.patientId}}",
        "observation": "Observation?patient={{context.patientId}}",
        "questionnaireResponse": "QuestionnaireResponse?patient={{context.patientId}}",
    }


def test_a_type_that_several_inputs_read_is_searched_once() -> None:
    assert list(with_inputs("Condition", "Condition", "Observation")) == [
        "patient",
        "condition",
        "observation",
        "questionnaireResponse",
    ]


def test_the_patient_as_an_input_is_not_searched_for() -> None:
    assert list(with_inputs("Patient")) == ["patient", "observation", "questionnaireResponse"]


def test_the_ordered_codes_are_hook_context_and_not_searched_for() -> None:
    assert "serviceRequest" not in with_inputs()


def test_no_policy_reads_the_patient_alone() -> None:
    assert prefetch_of(()) == {"patient": "Patient/{{context.patientId}}"}


def test_the_order_of_policies_changes_nothing() -> None:
    plans = shipped().plans
    assert list(prefetch_of(plans).items()) == list(prefetch_of(reversed(plans)).items())


@pytest.mark.parametrize(("patient", "sent"), [("p-1.2", "p-1.2"), ("p,1", "p%5C,1"), ("a|b$", "a%5C%7Cb%5C%24")])
def test_an_id_of_a_patient_is_searched_for_as_one_value(patient: str, sent: str) -> None:
    read, *searches = queries_of(shipped().plans, patient, payer=True)
    assert read.id == patient
    assert searches
    assert all(f"?patient={sent}" == one.url.partition("&")[0].removeprefix(one.type) for one in searches)


def test_the_shipped_policies_ask_in_the_recommended_subset_only() -> None:
    templates = prefetch_of(shipped().plans)
    for key, template in templates.items():
        assert re.fullmatch(r"[A-Z]\w+(/|\?patient=)\{\{context\.patientId\}\}", template)
        kind = re.split(r"[/?]", template)[0]
        assert is_resource(kind)
        assert kind == "Patient" or any(element(kind, name) for name in ("subject", "patient"))
        assert key == kind[0].lower() + kind[1:]


@pytest.mark.requirement("P3")
def test_tokens_of_cds_hooks_3_are_for_who_asks_for_them() -> None:
    plans = shipped().plans
    simple = prefetch_of(plans, payer=True, hook="order-dispatch")
    finer = prefetch_of(plans, payer=True, hook="order-dispatch", fhirpath=True)
    assert finer.keys() - simple.keys() == {"orders", "payers"}
    assert all(finer[key] == simple[key] for key in simple)
    assert prefetch_of(plans, hook="order-sign", fhirpath=True) == prefetch_of(plans)


@pytest.mark.requirement("P3")
def test_what_depends_on_an_earlier_answer_is_listed_after_it() -> None:
    keys = list(prefetch_of(shipped().plans, payer=True, fhirpath=True))
    assert keys.index("coverage") < keys.index("payers")

"""The record: who is meant, what a reference points to, and an order that does not depend on how things came in."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.encoding import canonical
from cds_service.fhir.record import PatientRecord, code_element

SERVER = "https://ehr.example.org/fhir"
URN = "urn:uuid:0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b"
SNOMED = "http://snomed.info/sct"


def resource(kind: str, name: object = None, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, **({} if name is None else {"id": name}), **more}


PATIENT, OTHER = resource("Patient", "p1"), resource("Patient", "p2")
MRI = resource("ImagingStudy", "mri")


def record(*resources: dict[str, Any], **more: Any) -> PatientRecord:
    return PatientRecord("p1", resources, **more)


# -- references ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference",
    [
        "ImagingStudy/mri",
        "ImagingStudy/mri/_history/3",
        f"{SERVER}/ImagingStudy/mri",
        f"{SERVER}/ImagingStudy/mri/_history/3",
        URN,
    ],
)
@pytest.mark.parametrize("server", [SERVER, f"{SERVER}/", None])
def test_a_reference_is_resolved_in_every_form(reference: str, server: str | None) -> None:
    held = record(MRI, PATIENT, full_urls={URN: MRI}, server=server)
    assert held.resolve(reference) is MRI
    assert held.resolve({"reference": reference, "display": "words"}) is MRI


@pytest.mark.parametrize(
    "reference",
    [
        "ImagingStudy/other",
        "Observation/mri",
        "mri",
        "ImagingStudy/",
        "/ImagingStudy/mri",
        "https://elsewhere.example.org/fhir/ImagingStudy/mri",
        "http://ehr.example.org/fhir/ImagingStudy/mri",
        "ImagingStudy?identifier=mri",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "urn:oid:1.2.3",
        "#mri",
        "#",
        "",
        " ImagingStudy/mri",
        "imagingstudy/mri",
        None,
        5,
        True,
        [],
        {},
        ["ImagingStudy/mri"],
        {"reference": None},
        {"reference": ["ImagingStudy/mri"]},
        {"reference": {"reference": "ImagingStudy/mri"}},
        {"identifier": {"value": "mri"}},
        {"display": "the MRI"},
    ],
    ids=repr,
)
def test_what_points_nowhere_in_the_record_resolves_to_nothing(reference: object) -> None:
    assert record(MRI, PATIENT, full_urls={URN: MRI}, server=SERVER).resolve(reference) is None


def test_a_full_url_wins_over_a_relative_reading() -> None:
    elsewhere = resource("ImagingStudy", "mri", description="another")
    url = "https://elsewhere.example.org/fhir/ImagingStudy/mri"
    held = record(MRI, elsewhere, full_urls={url: elsewhere}, server=SERVER)
    assert held.resolve(url) is elsewhere


def test_a_contained_resource_is_found_in_its_own_source_only() -> None:
    inside = resource("Medication", "m")
    source = resource("MedicationRequest", "r", contained=[None, "odd", {"id": 5}, inside])
    held = record(source)
    assert held.resolve("#m", source) is inside
    assert held.resolve("#m", MRI) is None
    assert held.resolve("#m") is None


@pytest.mark.parametrize("contained", [None, {}, "odd", [], [None], [[]], {"id": "m"}], ids=repr)
def test_odd_containers_contain_nothing(contained: object) -> None:
    source = resource("MedicationRequest", "r", contained=contained)
    assert record(source).resolve("#m", source) is None


def holding(reference: object, *contained: object, **more: Any) -> dict[str, Any]:
    return resource("MedicationRequest", "r", contained=list(contained), medicationReference=reference, **more)


def test_a_reference_finds_what_is_contained_beside_it() -> None:
    inside, reference = resource("Medication", "m"), {"reference": "#m"}
    source = holding(reference, resource("Patient", "m2"), inside)
    held = record(MRI, source)
    assert held.resolve(reference) is inside
    assert held.container(inside) == (source, 1)


def test_the_same_words_in_two_resources_mean_what_each_contains() -> None:
    references = [{"reference": "#m"}, {"reference": "#m"}]
    insides = [resource("Medication", "m", status="active"), resource("Medication", "m", status="inactive")]
    sources = [holding(one, inside) | {"id": name} for one, inside, name in zip(references, insides, "ab", strict=True)]
    held = record(*sources)
    assert [held.resolve(one) for one in references] == insides


def test_a_reference_deep_inside_and_one_in_a_contained_resource_find_their_neighbours() -> None:
    deep, sibling = {"reference": "#o"}, {"reference": "#m"}
    medication = resource("Medication", "m")
    other = resource("Observation", "o", extension=[{"url": "u", "valueReference": sibling}])
    held = record(holding({}, medication, other, extension=[{"url": "u", "extension": [{"valueReference": deep}]}]))
    assert held.resolve(deep) is other
    assert held.resolve(sibling) is medication


def test_a_sharp_alone_is_the_container() -> None:
    back = {"reference": "#"}
    source = holding({"reference": "#m"}, resource("Medication", "m", extension=[{"url": "u", "valueReference": back}]))
    assert record(source).resolve(back) is source
    assert record(source).resolve("#", source) is source


def test_a_reference_to_what_is_not_contained_and_one_from_elsewhere_find_nothing() -> None:
    inside, wrong = resource("Medication", "m"), {"reference": "#n"}
    held = record(holding(wrong, inside), resource("Observation", "o", subject={"reference": "#m"}))
    assert held.resolve(wrong) is None
    assert held.resolve({"reference": "#m"}) is None  # written the same, but standing nowhere in the record
    assert held.resolve(held.get("Observation", "o")["subject"]) is None  # type: ignore[index]
    assert held.container(MRI) is None


def test_references_in_a_circle_are_followed_one_step_at_a_time() -> None:
    one = resource("Observation", "a", derivedFrom=[{"reference": "Observation/b"}])
    other = resource("Observation", "b", derivedFrom=[{"reference": "Observation/a"}])
    held = record(one, other)
    found = held.resolve(one["derivedFrom"][0])
    assert found is other
    assert held.resolve(found["derivedFrom"][0]) is one


# -- whose it is --------------------------------------------------------------------------------------------------


ABOUT: list[tuple[object, str | None, bool | None]] = [
    ({"reference": "Patient/p1"}, None, True),
    ({"reference": "Patient/p1"}, SERVER, True),
    ({"reference": "Patient/p1/_history/2"}, SERVER, True),
    ({"reference": f"{SERVER}/Patient/p1"}, SERVER, True),
    ({"reference": f"{SERVER}/Patient/p1/_history/2"}, SERVER, True),
    ({"reference": f"{SERVER}/Patient/p1"}, None, True),
    ({"reference": "Patient/p2"}, SERVER, False),
    ({"reference": "Patient/p11"}, SERVER, False),
    ({"reference": "Patient/P1"}, SERVER, False),
    ({"reference": f"{SERVER}/Patient/p2"}, SERVER, False),
    ({"reference": f"{SERVER}/Patient/p2"}, None, False),
    ({"reference": "https://elsewhere.example.org/fhir/Patient/p1"}, SERVER, False),
    ({"reference": "Group/p1"}, SERVER, False),
    ({"reference": "Device/p1"}, SERVER, False),
    ({"reference": "p1"}, SERVER, False),
    ({"reference": URN}, SERVER, None),
    ({"reference": "#p1"}, SERVER, None),
    ({"reference": ""}, SERVER, None),
    ({"reference": None}, SERVER, None),
    ({"reference": 5}, SERVER, None),
    ({"reference": ["Patient/p1"]}, SERVER, None),
    ({"display": "Jane Roe"}, SERVER, None),
    ({"identifier": {"value": "p1"}}, SERVER, None),
    ({}, SERVER, None),
    (None, SERVER, None),
    ("Patient/p1", SERVER, None),
    ([{"reference": "Patient/p1"}], SERVER, None),
    (5, SERVER, None),
]


@pytest.mark.parametrize("held", [(), (PATIENT,), (PATIENT, OTHER)], ids=["no patient", "patient", "two patients"])
@pytest.mark.parametrize(("subject", "server", "about"), ABOUT, ids=repr)
def test_a_subject_is_this_patient_another_or_nobody_that_can_be_told(
    subject: object, server: str | None, about: bool | None, held: tuple[dict[str, Any], ...]
) -> None:
    assert record(*held, server=server).is_about_patient(subject) is about


@pytest.mark.parametrize(("target", "about"), [(PATIENT, True), (OTHER, False), (MRI, False)])
def test_a_subject_by_full_url_is_who_stands_there(target: dict[str, Any], about: bool) -> None:
    assert record(target, full_urls={URN: target}, server=SERVER).is_about_patient({"reference": URN}) is about


# -- order and copies ---------------------------------------------------------------------------------------------


RESOURCES = st.builds(
    lambda kind, name, word: resource(kind, name, note=[{"text": word}]),
    st.sampled_from(("Condition", "Observation")),
    st.sampled_from((None, "1", "2")),
    st.sampled_from(("a", "b")),
)


@given(st.lists(RESOURCES, max_size=8), st.randoms())
def test_the_order_of_arrival_and_copies_change_nothing(resources: list[dict[str, Any]], chance: Any) -> None:
    again = copy.deepcopy(resources) + resources
    chance.shuffle(again)
    assert canonical(record(*again).resources) == canonical(record(*resources).resources)


@given(st.lists(RESOURCES, max_size=8))
def test_every_content_is_there_once(resources: list[dict[str, Any]]) -> None:
    held = [canonical(one) for one in record(*resources).resources]
    assert sorted(held) == sorted({canonical(one) for one in resources})


def test_two_versions_of_one_resource_are_both_there() -> None:
    older, newer = resource("Observation", "o1", status="preliminary"), resource("Observation", "o1", status="final")
    assert len(record(older, newer).of_type("Observation")) == 2


def test_no_resource_is_changed_or_copied() -> None:
    mine = resource("Condition", "c1", code={"coding": [{"system": SNOMED, "code": "1"}]})
    before = copy.deepcopy(mine)
    held = record(mine)
    held.coded("Condition", frozenset({(SNOMED, "1")}))
    assert held.of_type("Condition")[0] is mine
    assert held.as_bundle["entry"][0]["resource"] is mine
    assert mine == before


# -- look-ups -----------------------------------------------------------------------------------------------------


CODED: list[tuple[str, dict[str, Any]]] = [
    ("Condition", {"code": {"coding": [{"system": SNOMED, "code": "1"}]}}),
    ("ImagingStudy", {"procedureCode": [{"text": "x"}, {"coding": [{"system": SNOMED, "code": "1"}]}]}),
    ("MedicationRequest", {"medicationCodeableConcept": {"coding": [{"system": SNOMED, "code": "1"}]}}),
    ("MedicationAdministration", {"medicationCodeableConcept": {"coding": [{"system": SNOMED, "code": "1"}]}}),
    ("DocumentReference", {"type": {"coding": [{"system": SNOMED, "code": "1"}]}}),
    ("DeviceRequest", {"codeCodeableConcept": {"coding": [{"system": SNOMED, "code": "1"}]}}),
]


@pytest.mark.parametrize(("kind", "elements"), CODED, ids=[kind for kind, _ in CODED])
def test_resources_are_found_by_what_they_are_about(kind: str, elements: dict[str, Any]) -> None:
    mine = resource(kind, "1", **elements)
    held = record(mine, resource(kind, "2"), resource("Procedure", "3", code=CODED[0][1]["code"]))
    assert held.coded(kind, frozenset({(SNOMED, "1"), (SNOMED, "9")})) == (mine,)
    assert held.coded(kind, frozenset({("http://other", "1"), (None, "1")})) == ()


@pytest.mark.parametrize(
    "code",
    [
        None,
        5,
        "1",
        [],
        [None],
        {"coding": None},
        {"coding": [None, 5, {"code": None}]},
        {"coding": [{"system": {}, "code": "1"}]},
        {"coding": [{"system": [SNOMED], "code": "1"}]},
        {"coding": [{"system": SNOMED, "code": {"x": 1}}]},
    ],
    ids=repr,
)
def test_a_resource_with_an_odd_code_is_not_found_by_code(code: object) -> None:
    held = record(resource("Condition", "c1", code=code))
    assert held.coded("Condition", frozenset({(SNOMED, "1")})) == ()
    assert len(held.of_type("Condition")) == 1


@pytest.mark.parametrize("name", [5, True, {"x": 1}, ["c1"], "", None, "a.b", "ä b"], ids=repr)
def test_an_odd_id_is_no_obstacle(name: object) -> None:
    held = record(resource("Condition", name, code={"text": "x"}), PATIENT)
    assert len(held.of_type("Condition")) == 1
    assert held.resolve("Condition/c1") is None


def test_a_type_that_is_not_there_has_no_resources() -> None:
    assert record().of_type("Condition") == ()
    assert record().get("Condition", "c1") is None


@pytest.mark.parametrize(
    ("kind", "name"), [("Condition", "code"), ("ImagingStudy", "procedureCode"), ("MedicationStatement", "medication")]
)
def test_each_type_has_an_element_that_says_what_it_is_about(kind: str, name: str) -> None:
    assert code_element(kind) == name


def test_the_same_id_at_two_servers_is_nobody_known_where_no_server_is_named() -> None:
    here, there = ({"reference": f"https://{host}.example.org/Patient/p1"} for host in ("a", "b"))
    one, other = ({"resourceType": "Condition", "id": str(i), "subject": whom} for i, whom in enumerate((here, there)))
    assert record(one, server=None).is_about_patient(here) is True
    assert record(one, other, server=None).is_about_patient(here) is None
    assert record(one, other, server=None).is_about_patient({"reference": "Patient/p1"}) is True
    assert record(one, other, server="https://a.example.org").is_about_patient(here) is True


def test_an_address_at_another_server_is_not_the_patient_though_it_is_known() -> None:
    url = "https://other.example.org/fhir/Patient/p1"
    assert record(PATIENT, full_urls={url: PATIENT}, server=SERVER).is_about_patient({"reference": url}) is False

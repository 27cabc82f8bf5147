"""Draft orders → what is judged: every coding that a policy decides on, each once, on its day."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from cds_service.errors import TooManyOrders
from cds_service.fhir.element import locate
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.ordered_codes import BILLING_OPTIONS
from cds_service.necessity.orders import MAX_ORDERS, NotJudged, Orders, read_orders, reference_date
from cds_service.plan_definition.policies import Policies
from tests.unit.plan_definition.plans import CODES, compiled, plan, value_set

RECEIVED = Date((2026, 1, 15))
CPT, CPT_OID = "http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"


@cache
def policies() -> Policies:
    cpt = value_set("cpt", "63102")
    cpt["compose"]["include"][0]["system"] = CPT
    sets = (value_set("widgets", "A", "B"), cpt)
    return compiled(plan(), plan(name="corpectomy", codes="cpt"), sets=sets)


def coding(code: str, system: str = CODES) -> dict[str, Any]:
    return {"system": system, "code": code}


def order(*codings: dict[str, Any], **more: Any) -> dict[str, Any]:
    coded = {"code": {"coding": [*codings]}} if codings else {}
    return {"resourceType": "ServiceRequest", "id": "o1", "status": "draft", **coded, **more}


def read(*drafts: dict[str, Any], **more: Any) -> Orders:
    return read_orders(drafts, policies(), PatientRecord("p1", drafts), received=RECEIVED, **more)


def covered(*drafts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.path, one.code) for one in read(*drafts).covered]


# -- codings ------------------------------------------------------------------------------------------------------


def test_an_order_is_judged_by_its_code() -> None:
    (one,) = read(order(coding("A"))).covered
    assert (one.reference, one.path, one.coded) == (
        "ServiceRequest/o1",
        "ServiceRequest/o1.code.coding[0]",
        (CODES, "A"),
    )


@pytest.mark.parametrize(("written", "day"), [("2026-01-16", "2026-01-16"), ("2026-01-17", "2026-01-15")])
def test_an_order_is_not_judged_as_of_a_day_to_come(written: str, day: str) -> None:
    (one,) = read(order(coding("A"), authoredOn=written)).covered
    assert str(one.as_of) == day


def test_a_code_of_a_policy_without_its_system_is_told_beside_one_that_no_policy_knows() -> None:
    told = read(order({"code": "A"}, coding("L", "https://local.example.org"))).not_covered
    assert [(one.code, one.reason) for one in told] == [("L", NotJudged.NO_CODE)]


def test_a_code_of_systems_that_nobody_knows_is_not_told_and_may_be_any_order() -> None:
    local = read(order({"code": "free text"}, coding("L", "https://local.example.org")))
    assert ([one.reason for one in local.not_covered], local.whole) == ([NotJudged.LOCAL_CODE], False)
    known = read(order(coding("L", "https://local.example.org"), coding("Z")))
    assert ([one.reason for one in known.not_covered], known.whole) == ([NotJudged.NO_POLICY], True)


def test_an_order_before_the_version_that_decides_on_its_code_is_told() -> None:
    last_year = plan(codes="gadgets", effectivePeriod={"start": "2025-01-01", "end": "2025-12-31"})
    this_year = plan(version="2.0.0", effectivePeriod={"start": "2026-01-01"})
    before = order(coding("A"), authoredOn="2025-12-31")
    both, record = compiled(last_year, this_year), PatientRecord("p1", [before])
    (one,) = read_orders([before], both, record, received=RECEIVED).not_covered
    assert (one.code, one.reason) == ("A", NotJudged.NOT_ON_THAT_DAY)


@pytest.mark.parametrize("kind", ["CarePlan", "RequestGroup", "SupplyRequest"])
def test_an_order_of_another_type_is_told_unless_it_is_not_to_be_done(kind: str) -> None:
    other = {"resourceType": kind, "id": "g1", "status": "draft"}
    assert [(one.reference, one.reason) for one in read(other).not_covered] == [(f"{kind}/g1", NotJudged.OTHER_TYPE)]
    assert read(other | {"status": "revoked"}).not_covered == ()


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"resourceType": "Task", "focus": {"reference": "ServiceRequest/o1"}}, False),
        ({"resourceType": "Task", "focus": {"reference": "ServiceRequest/o9"}}, True),
        (
            {
                "resourceType": "RequestGroup",
                "action": [{"action": [{"resource": {"reference": "ServiceRequest/o1"}}]}],
            },
            False,
        ),
        (
            {
                "resourceType": "RequestGroup",
                "action": [{"resource": {"reference": "ServiceRequest/o1"}}, {"title": "and something else"}],
            },
            True,
        ),
        ({"resourceType": "CarePlan", "activity": [{"reference": {"reference": "ServiceRequest/o1"}}]}, False),
        ({"resourceType": "CarePlan", "activity": [{"detail": {"code": {"text": "more"}}}]}, True),
        (
            {
                "resourceType": "RequestGroup",
                "action": [{"resource": {"reference": "ServiceRequest/o1"}}, {"resource": None, "title": "more"}],
            },
            True,
        ),
        ({"resourceType": "RequestGroup", "action": "all"}, True),
    ],
    ids=repr,
)
def test_what_groups_the_drafts_orders_nothing_more(other: dict[str, Any], told: bool) -> None:
    found = read(order(coding("A")), {"id": "g1", **other})
    assert ([one.reason for one in found.not_covered], found.whole) == ([NotJudged.OTHER_TYPE] * told, not told)


def test_more_orders_than_are_read_at_a_time_are_refused_whole() -> None:
    many = [order(coding("A"), id=f"o{i}", note=[{"text": str(i)}]) for i in range(MAX_ORDERS + 1)]
    assert len(read(*many[1:]).covered) == MAX_ORDERS
    with pytest.raises(TooManyOrders, match="more than 200 orders"):
        read(*many)


def test_more_codes_than_are_judged_at_a_time_are_refused_whole() -> None:
    many = [order(coding("A"), coding("B"), id=f"o{i}", note=[{"text": str(i)}]) for i in range(MAX_ORDERS // 2 + 1)]
    with pytest.raises(TooManyOrders, match="more than 200 ordered codes"):
        read(*many)


def test_an_order_of_very_many_codings_is_read_in_the_time_of_one_look_at_each() -> None:
    (one,) = read(order(*(coding("A") | {"display": str(i)} for i in range(20_000)))).covered  # took minutes
    assert one.path == "ServiceRequest/o1.code.coding[0]"


def test_codings_of_one_code_are_synonyms_each_with_a_policy_is_judged() -> None:
    several = order(coding("Z"), coding("A"), coding("63102", CPT), coding("A", "http://elsewhere"))
    assert covered(several) == [
        ("ServiceRequest/o1.code.coding[1]", "A"),
        ("ServiceRequest/o1.code.coding[2]", "63102"),
    ]


def test_the_same_coding_twice_is_judged_once_and_is_no_duplicate_order() -> None:
    (one,) = read(order(coding("A"), coding("A"))).covered
    assert one.duplicates == ()


@pytest.mark.parametrize("system", [CPT, CPT_OID])
def test_a_system_is_known_by_each_of_its_names(system: str) -> None:
    assert covered(order(coding("63102", system))) == [("ServiceRequest/o1.code.coding[0]", "63102")]
    (one,) = read(order(coding("63102", system))).covered
    assert one.coded == (CPT, "63102")
    assert one.coding["system"] == system


ODD_CODES: list[Any] = [
    None,
    5,
    "A",
    [],
    {},
    [coding("A")],
    {"coding": None},
    {"coding": "A"},
    {"coding": {"a": 1}},
    {"coding": [None, 5, "A", []]},
    {"coding": [{"code": "A"}]},
    {"coding": [{"system": CODES}]},
    {"coding": [{"system": {}, "code": "A"}]},
    {"coding": [{"system": [CODES], "code": "A"}]},
    {"coding": [{"system": CODES, "code": 5}]},
    {"text": "replace it"},
]


@pytest.mark.parametrize("code", ODD_CODES, ids=repr)
def test_an_order_without_a_readable_code_is_told_and_not_judged(code: object) -> None:
    found = read(order(code=code))
    assert found.covered == ()
    assert [(one.reference, one.code, one.reason) for one in found.not_covered] == [
        ("ServiceRequest/o1", None, NotJudged.NO_CODE)
    ]


def test_an_order_that_no_policy_decides_on_is_told_with_its_code() -> None:
    (one,) = read(order(coding("Z"), coding("A", "http://snomed.info/sct"))).not_covered
    assert (one.code, one.reason) == ("Z", NotJudged.NO_POLICY)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"resourceType": "DeviceRequest", "codeCodeableConcept": {"coding": [coding("A")]}}, "code.coding[0]"),
        (
            {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"coding": [coding("A")]}},
            "medication.coding[0]",
        ),
        ({"resourceType": "ServiceRequest", "code": {"coding": [coding("A")]}}, "code.coding[0]"),
    ],
    ids=lambda one: one["resourceType"] if isinstance(one, dict) else one,
)
def test_each_kind_of_order_has_its_code_where_the_path_says(request_: dict[str, Any], path: str) -> None:
    drafted = {"id": "o1", "status": "draft", **request_}
    (one,) = read(drafted).covered
    assert one.path == f"{drafted['resourceType']}/o1.{path}"
    ((container, key),) = locate(drafted, one.path)
    assert container[key] is one.coding


def test_what_is_no_order_is_not_read() -> None:
    found = read({"resourceType": "Observation", "id": "x", "code": {"coding": [coding("A")]}}, order(coding("A")))
    assert [one["id"] for one in found.drafts] == ["o1"]


def test_an_order_without_an_id_is_named_by_its_content() -> None:
    drafted = order(coding("A"))
    del drafted["id"]
    (one,) = read(drafted).covered
    assert one.reference.startswith("ServiceRequest/~")
    assert one.path == f"{one.reference}.code.coding[0]"


# -- billing options ----------------------------------------------------------------------------------------------


def billed(*codings: dict[str, Any], complex_: bool = True) -> dict[str, Any]:
    inner = [{"url": "code", "valueCoding": one} for one in codings]
    written = [{"url": BILLING_OPTIONS, "extension": inner}] if complex_ else [{**inner[0], "url": BILLING_OPTIONS}]
    return {"extension": [{"url": "https://example.org/other"}, *written], "coding": [coding("Z")]}


@pytest.mark.parametrize("complex_", [True, False])
def test_a_code_that_will_be_billed_is_judged_at_its_own_path(complex_: bool) -> None:
    drafted = order(code=billed(coding("A"), complex_=complex_))
    (one,) = read(drafted).covered
    ((container, key),) = locate(drafted, one.path)
    assert container[key] is one.coding
    assert one.code == "A"


def test_several_codes_that_will_be_billed_have_paths_of_their_own() -> None:
    found = read(order(code=billed(coding("A"), coding("B")))).covered
    assert [one.code for one in found] == ["A", "B"]
    assert len({one.path for one in found}) == 2


@pytest.mark.parametrize(
    "extension",
    [
        None,
        {},
        "x",
        [None],
        ["x"],
        [{"url": BILLING_OPTIONS}],
        [{"url": BILLING_OPTIONS, "extension": "x"}],
        [{"url": BILLING_OPTIONS, "extension": [None, 5, {"valueCoding": "A"}]}],
        [{"url": {}, "valueCoding": coding("A")}],
    ],
    ids=repr,
)
def test_odd_billing_options_are_passed_over(extension: object) -> None:
    drafted = order(code={"coding": [coding("A")], "extension": extension})
    assert covered(drafted) == [("ServiceRequest/o1.code.coding[0]", "A")]


# -- what is not to be done ---------------------------------------------------------------------------------------


@pytest.mark.requirement("profile-doNotPerform")
@pytest.mark.parametrize(
    "change",
    [{"doNotPerform": True}, *({"status": one} for one in ("revoked", "cancelled", "entered-in-error", "completed"))],
    ids=repr,
)
def test_what_is_not_to_be_done_is_not_judged(change: dict[str, Any]) -> None:
    found = read(order(coding("A")) | change)
    assert found.covered == ()
    assert [one.reason for one in found.not_covered] == [NotJudged.NOT_TO_BE_DONE]


@pytest.mark.parametrize(
    "status", ["draft", "active", "on-hold", "unknown", None, 5, [], ["revoked"], {}, {"a": 1}], ids=repr
)
def test_any_other_status_leaves_an_order_to_be_judged(status: object) -> None:
    assert covered(order(coding("A"), status=status)) == [("ServiceRequest/o1.code.coding[0]", "A")]


@pytest.mark.requirement("profile-doNotPerform")
@pytest.mark.parametrize("flag", [False, None, "true", 1, {}], ids=repr)
def test_only_a_plain_yes_forbids_an_order(flag: object) -> None:
    assert len(covered(order(coding("A"), doNotPerform=flag))) == 1


# -- whose --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["subject", "patient"])
def test_an_order_for_another_patient_is_not_judged_and_not_read_beside_the_others(name: str) -> None:
    found = read(order(coding("A"), **{name: {"reference": "Patient/p2"}}), order(coding("B"), id="o2"))
    assert [one.code for one in found.covered] == ["B"]
    assert [(one.reference, one.code, one.reason) for one in found.not_covered] == [
        ("ServiceRequest/o1", None, NotJudged.OTHER_PATIENT)
    ]
    assert [one["id"] for one in found.drafts] == ["o2"]


@pytest.mark.parametrize(
    "subject",
    [{"reference": "Patient/p1"}, {"display": "Jane Roe"}, {}, None, "Patient/p1", [{"reference": "Patient/p1"}]],
    ids=repr,
)
def test_an_order_that_names_nobody_is_for_the_patient_it_is_signed_for(subject: object) -> None:
    assert len(read(order(coding("A"), subject=subject)).covered) == 1


@pytest.mark.parametrize("subject", ["Patient/p2", [{"reference": "Patient/p2"}], ["Patient/p2"]], ids=repr)
def test_another_patient_is_another_however_it_is_written(subject: object) -> None:
    (one,) = read(order(coding("A"), subject=subject)).not_covered
    assert one.reason is NotJudged.OTHER_PATIENT


@pytest.mark.parametrize(
    "subject", [5, "urn:uuid:1", [5], {"reference": "Group/g1"}, [{"display": "Jane Roe"}]], ids=repr
)
def test_an_order_that_does_not_say_readably_whose_it_is_is_not_judged(subject: object) -> None:
    found = read(order(coding("A"), subject=subject))
    assert (found.covered, [one.reason for one in found.not_covered]) == ((), [NotJudged.SUBJECT_UNCLEAR])


@pytest.mark.parametrize(
    ("subject", "theirs"),
    [
        ({"reference": "Patient/p1"}, True),
        (None, True),
        ({"display": "Jane Roe"}, False),
        ({"reference": "urn:uuid:1"}, False),
        ({"reference": "https://other.example.org/fhir/Patient/p1"}, False),
    ],
    ids=repr,
)
def test_an_order_is_surely_the_patients_if_it_names_them_or_nobody(subject: object, theirs: bool) -> None:
    draft = order(coding("A"), subject=subject)
    record = PatientRecord("p1", [draft], server="https://ehr.example.org/fhir")
    (one,) = read_orders([draft], policies(), record, received=RECEIVED).covered
    assert one.is_theirs is theirs


def test_an_order_that_an_extension_may_have_turned_into_something_else_is_not_judged() -> None:
    (one,) = read(order(coding("A"), modifierExtension=[{"url": "https://example.org/not"}])).not_covered
    assert one.reason is NotJudged.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("beside", "whole"),
    [
        (order(coding("Z"), id="o2"), True),
        (order(coding("A"), id="o2", status="revoked"), True),
        (order(coding("A"), id="o2", subject={"reference": "Patient/p2"}), True),
        (order(id="o2", code={"text": "replace it"}), False),
        (order(coding("A"), id="o2", subject=5), False),
        (order(coding("A"), id="o2", modifierExtension=[{"url": "x"}]), False),
        ({"resourceType": "RequestGroup", "id": "g1"}, False),
    ],
    ids=["no policy", "revoked", "of another", "text only", "of nobody", "modified", "a group"],
)
def test_what_cannot_be_judged_may_be_any_order(beside: dict[str, Any], whole: bool) -> None:
    assert read(order(coding("B")), beside).whole is whole


@pytest.mark.parametrize("code", ["-aa" * 70_000 + "!", "a" * 200_000, "A" + "-50" * 22])
def test_a_long_code_is_looked_at_no_longer_than_any_code_is(code: str) -> None:
    assert not policies().may_mean(code)  # the first one took a minute


def attending(*patients: str) -> list[Any]:
    return [{"actor": {"reference": one}} for one in (*patients, "Practitioner/d1")]


@pytest.mark.parametrize(
    ("participant", "mine"),
    [
        (attending("Patient/p1"), True),
        (attending("Patient/p2"), False),
        (attending("https://ehr.example.org/fhir/Patient/p2"), False),
        (attending("Patient/p2", "Patient/p1"), True),
        (attending(), True),
        ({"actor": {"reference": "Patient/p2"}}, False),
        ([None, {"actor": "Patient/p2"}, {"actor": {"reference": 5}}], True),
    ],
    ids=repr,
)
def test_an_appointment_is_of_the_patients_who_attend(participant: object, mine: bool) -> None:
    booked = {"resourceType": "Appointment", "id": "a1", "serviceType": [{"coding": [coding("A")]}]}
    assert bool(read(booked | {"participant": participant}).covered) is mine


@pytest.mark.parametrize(
    ("reference", "mine"),
    [
        ("http://example.org/fhir/Patient/p1", True),
        ("http://example.org/fhir/Patient/p1/_history/3", True),
        ("http://example.org/fhir/Patient/p2", False),
        ("Group/p1", False),
    ],
)
def test_an_order_signed_for_a_patient_may_name_that_id_at_another_address(reference: str, mine: bool) -> None:
    drafted = order(coding("A"), subject={"reference": reference})
    record = PatientRecord("p1", (drafted,), server="https://ehr.example.org/fhir")
    assert bool(read_orders((drafted,), policies(), record, received=RECEIVED).covered) is mine


# -- what an order refers to --------------------------------------------------------------------------------------


def booked(based_on: dict[str, Any], **more: Any) -> Orders:
    appointment = {"resourceType": "Appointment", "id": "a1", "basedOn": [{"reference": "ServiceRequest/o1"}], **more}
    record = PatientRecord("p1", (appointment, based_on))
    return read_orders(record.of_type("Appointment"), policies(), record, received=RECEIVED)


def test_an_appointment_is_judged_by_the_request_that_it_is_based_on() -> None:
    based_on = order(coding("A"), status="active")
    (one,) = booked(based_on).covered
    assert (one.reference, one.path) == ("Appointment/a1", "ServiceRequest/o1.code.coding[0]")
    assert one.resource == based_on


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": "revoked"}, NotJudged.NOT_TO_BE_DONE),
        ({"doNotPerform": True}, NotJudged.NOT_TO_BE_DONE),
        ({"subject": {"reference": "Patient/p2"}}, NotJudged.OTHER_PATIENT),
        ({"modifierExtension": [{"url": "x"}]}, NotJudged.NOT_UNDERSTOOD),
    ],
    ids=repr,
)
def test_an_appointment_is_not_judged_by_a_request_that_does_not_hold(change: dict[str, Any], why: NotJudged) -> None:
    found = booked(order(coding("A")) | change)
    assert found.covered == ()
    assert [(one.reference, one.reason) for one in found.not_covered] == [("ServiceRequest/o1", why)]


@pytest.mark.parametrize(
    ("actors", "theirs"),
    [
        (["Patient/p1", "Practitioner/d1"], True),
        (["Patient/p1", "Patient/p2"], False),
        (["Patient/p1", "urn:uuid:9"], False),
        (["#c"], False),
        (["https://ehr.example.org/fhir/Practitioner/d1/_history/2"], True),
    ],
    ids=repr,
)
def test_an_appointment_is_surely_the_patients_if_no_other_patient_may_attend(actors: list[str], theirs: bool) -> None:
    attending = [{"actor": {"reference": one}} for one in actors]
    (one,) = booked(order(coding("A"), status="active"), participant=attending).covered
    assert one.is_theirs is theirs


@pytest.mark.parametrize("subject", [{"reference": "urn:uuid:9"}, {"identifier": {"value": "1"}}], ids=repr)
def test_an_appointment_is_no_surer_than_what_it_is_based_on(subject: dict[str, Any]) -> None:
    (one,) = booked(order(coding("A"), status="active", subject=subject)).covered
    assert not one.is_theirs


# -- duplicates ---------------------------------------------------------------------------------------------------


def test_an_order_repeated_is_judged_once_and_lists_its_repetitions() -> None:
    one, other = (
        order(coding("A")),
        order(coding("A"), id="o2", authoredOn="2026-01-15T08:00:00Z", identifier=[{"value": "x"}]),
    )
    found = read(one, other, order(coding("A"), id="o3", meta={"versionId": "2"}))
    assert [(each.reference, each.duplicates) for each in found.covered] == [
        ("ServiceRequest/o1", ("ServiceRequest/o2", "ServiceRequest/o3"))
    ]


def test_the_same_order_of_another_day_is_judged_on_its_own() -> None:
    days = ("2025-12-30", "2026-01-15")
    drafts = [order(coding("A"), id=f"o{i}", authoredOn=day) for i, day in enumerate(days)]
    assert [(str(one.as_of), one.duplicates) for one in read(*drafts).covered] == [(day, ()) for day in days]


@pytest.mark.parametrize(
    "change",
    [
        {"bodySite": [{"text": "left"}]},
        {"quantityQuantity": {"value": 2}},
        {"occurrenceDateTime": "2026-02-01"},
        {"resourceType": "DeviceRequest"},
    ],
    ids=repr,
)
def test_an_order_that_differs_in_what_is_ordered_is_another(change: dict[str, Any]) -> None:
    assert len(read(order(coding("A")), order(coding("A"), id="o2") | change).covered) == 2


def test_two_codes_of_one_order_are_two_and_no_duplicates() -> None:
    assert [one.duplicates for one in read(order(coding("A"), coding("B"))).covered] == [(), ()]


# -- the reference date -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authored", "day"),
    [
        ("2026-01-10", "2026-01-10"),
        ("2026-01-10T23:30:00-11:00", "2026-01-10"),
        ("2026-01-10T00:30:00+14:00", "2026-01-10"),
        ("2026-01", "2026-01-15"),
        ("2026", "2026-01-15"),
        ("soon", "2026-01-15"),
        ("2026T10", "2026-01-15"),
        ("", "2026-01-15"),
        (None, "2026-01-15"),
        (5, "2026-01-15"),
        ([], "2026-01-15"),
        ({"a": 1}, "2026-01-15"),
    ],
    ids=repr,
)
def test_an_order_is_judged_on_the_day_it_was_authored_else_received(authored: object, day: str) -> None:
    (one,) = read(order(coding("A"), authoredOn=authored)).covered
    assert str(one.as_of) == day


@pytest.mark.parametrize("name", ["dateTime", "dateWritten", "created"])
def test_the_day_of_an_order_has_other_names_in_other_types(name: str) -> None:
    assert str(reference_date({name: "2026-01-10T08:00:00Z"})) == "2026-01-10"


def test_a_day_that_is_asked_for_wins() -> None:
    asked = parse_date("2025-06-30")
    (one,) = read(order(coding("A"), authoredOn="2026-01-10"), as_of=asked).covered
    assert one.as_of == asked


def test_a_day_that_is_not_known_whole_is_no_reference_date() -> None:
    assert reference_date({"authoredOn": "2026-01"}) is None
    assert reference_date({}) is None


def test_each_order_has_its_own_day() -> None:
    found = read(order(coding("A"), authoredOn="2026-01-10"), order(coding("B"), id="o2", authoredOn="2026-01-12"))
    assert [str(one.as_of) for one in found.covered] == ["2026-01-10", "2026-01-12"]


def test_nothing_that_was_ordered_is_changed() -> None:
    drafted = order(code=billed(coding("A"), coding("B")), authoredOn="2026-01-10")
    before = copy.deepcopy(drafted)
    read(drafted)
    assert drafted == before

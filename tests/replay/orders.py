"""Orders as they come: of every type, without ids, twice, for somebody else, and coded in many ways."""

from __future__ import annotations

from typing import Any

from tests.made_up import PATIENT, bundle, finding, order
from tests.replay.clients import AID, CPT, GONE, HCPCS, LENSES, SERVER, TABLET, Json, concept, ehr
from tests.replay.replay import (
    DRAFT,
    MET,
    MET_IN_PART,
    NO_CODE,
    NOT_READ,
    O1,
    OTHER_KIND,
    OTHER_PATIENT,
    Answer,
    Replay,
    replay,
    signing,
)

BLANK = "ServiceRequest/o1"

HCPCS_NAMES = (
    HCPCS,
    HCPCS.replace("http:", "https:"),
    HCPCS.replace("http:", "hhttps:"),
    "urn:oid:2.16.840.1.113883.6.285",
)


def ordering(name: str, order_: Json | list[Json], answer: Answer, *chart: Json) -> Replay:
    orders = order_ if isinstance(order_, list) else [order_]
    return replay(name, ehr(*orders, chart=(finding(), *chart)), answer)


def request_of(kind: str, **more: Any) -> Json:
    return {"resourceType": kind, "id": "o1", "status": "draft", "subject": {"reference": "Patient/p1"}, **more}


ORDERS = [
    signing(
        "an entry that is an address only",
        {"context.draftOrders.entry.1": {"fullUrl": "urn:uuid:1"}},
        {O1: MET_IN_PART, "context.draftOrders.entry": NOT_READ},
    ),
    signing(
        "an order of no type", {f"{DRAFT}.resourceType": GONE}, {"context.draftOrders.entry": NOT_READ}, "found-33"
    ),
    signing(
        "orders that go on",
        {"context.draftOrders.link": [{"relation": "next", "url": "p2"}]},
        {O1: MET_IN_PART, "context.draftOrders": NOT_READ},
    ),
    signing("no orders", {"context.draftOrders.entry": []}, {}),
    signing("no entries", {"context.draftOrders.entry": GONE}, {}),
    signing("entries of null", {"context.draftOrders.entry": [None, {"resource": order()}]}, {O1: MET}),
    signing("an order without an id", {f"{DRAFT}.id": GONE}, {"ServiceRequest/~ replace": MET}),
    signing("an id of another hyphen", {f"{DRAFT}.id": "order\u20111"}, {"ServiceRequest/order\u20111 replace": MET}),
    signing("an id that is a number", {f"{DRAFT}.id": 7}, {"ServiceRequest/7 replace": MET}),
    signing("an intent of a plan", {f"{DRAFT}.intent": "plan"}, {O1: MET}),
    signing("a status other than draft", {f"{DRAFT}.status": "active"}, {O1: MET}),
    signing("no status", {f"{DRAFT}.status": GONE}, {O1: MET}),
    signing("an order not to do it", {f"{DRAFT}.doNotPerform": True}, {}),
    signing("an order that was revoked", {f"{DRAFT}.status": "revoked"}, {}),
    signing(
        "a subject at an address", {f"{DRAFT}.subject": {"reference": "http://example.org/fhir/Patient/p1"}}, {O1: MET}
    ),
    signing("a subject of a version", {f"{DRAFT}.subject": {"reference": "Patient/p1/_history/2"}}, {O1: MET}),
    signing("no subject", {f"{DRAFT}.subject": GONE}, {O1: MET}),
    signing("a subject that is a list", {f"{DRAFT}.subject": [{"reference": "Patient/p1"}]}, {O1: MET}),
    signing("an order of another patient", {f"{DRAFT}.subject": {"reference": "Patient/p2"}}, {BLANK: OTHER_PATIENT}),
    signing("a choice not yet made", {f"{DRAFT}.code": {"coding": [{}], "text": ""}}, {BLANK: NO_CODE}),
    signing("no code", {f"{DRAFT}.code": GONE}, {BLANK: NO_CODE}),
    signing("a code as text only", {f"{DRAFT}.code": {"text": "replace it"}}, {BLANK: NO_CODE}),
    signing("a code without its system", {f"{DRAFT}.code": {"coding": [{"code": "72158"}]}}, {BLANK: NO_CODE}),
    signing("a code between blanks", {f"{DRAFT}.code": concept(CPT, " 72158 ")}, {BLANK: NO_CODE}),
    signing("a code that is a number", {f"{DRAFT}.code": concept(CPT, 72158)}, {BLANK: NO_CODE}),
    signing("a code on which no policy decides", {f"{DRAFT}.code": concept(CPT, "99213")}, {}),
    signing("a system that is not known", {f"{DRAFT}.code": concept("urn:oid:1.2.3", "replace")}, {BLANK: NO_CODE}),
    signing("no reasons", {f"{DRAFT}.reasonCode": []}, {O1: MET}),
    signing("members of null", {f"{DRAFT}.reasonCode": None, f"{DRAFT}.note": [None]}, {O1: MET}),
    signing("primitives with extensions", {f"{DRAFT}._status": {"extension": [{"url": "x"}]}}, {O1: MET}),
    signing("a time that is none", {f"{DRAFT}.authoredOn": "today"}, {O1: MET}),
    signing("contained resources", {f"{DRAFT}.contained": [{"resourceType": "Patient", "id": "p2"}]}, {O1: MET}),
    signing("a Bundle inside the Bundle", {"context.draftOrders.entry.0.resource": bundle(order())}, {O1: MET}),
    signing(
        "a resource that there is not",
        {"context.draftOrders.entry.1": {"resource": {"resourceType": "Widget"}}},
        {O1: MET_IN_PART, "context.draftOrders.entry": NOT_READ},
    ),
    signing("a resource that is no order", {"context.draftOrders.entry.1": {"resource": PATIENT}}, {O1: MET}),
    signing("a fullUrl that is an object", {"context.draftOrders.entry.0.fullUrl": {}}, {O1: MET}),
    signing(
        "billing options",
        {
            f"{DRAFT}.code": concept(CPT, "99213")
            | {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options",
                        "valueCodeableConcept": concept(order()["code"]["coding"][0]["system"], "replace"),
                    }
                ]
            }
        },
        {O1: MET},
        "billopt-3",
    ),
    ordering("one order stored under the same id", order(), {O1: MET}, order(coded="refit", status="active")),
    ordering("two orders of one id", [order(), order(coded="refit")], {O1: MET, "ServiceRequest/o1 refit": MET}),
    ordering("one order twice", [order(), order()], {O1: MET}),
    ordering("two orders that say the same", [order(), order("o2")], {O1: MET}),
    ordering(
        "200 orders",
        [
            order(f"o{i}", ("replace", "refit")[i % 2], occurrenceDateTime=f"2026-02-01T{i // 60:02}:{i % 60:02}:00Z")
            for i in range(200)
        ],
        {f"ServiceRequest/o{i} {('replace', 'refit')[i % 2]}": MET for i in range(200)},
    ),
    ordering("201 orders", [order(f"o{i}") for i in range(201)], 413),
    ordering(
        "a group of orders beside an order",
        [
            order(),
            {
                "resourceType": "RequestGroup",
                "id": "g1",
                "status": "draft",
                "subject": {"reference": "Patient/p1"},
                "contained": [order("inside", "refit")],
                "action": [{"resource": {"reference": "#inside"}}],
            },
        ],
        {O1: MET, "RequestGroup/g1": OTHER_KIND},
    ),
    ordering("supplies", request_of("SupplyRequest", itemCodeableConcept=AID), {"SupplyRequest/o1": OTHER_KIND}),
]

TYPES = [
    ordering(
        "a device by reference",
        request_of("DeviceRequest", codeReference={"reference": "Device/d1"}),
        {"DeviceRequest/o1 E0470": MET},
        {"resourceType": "Device", "id": "d1", "type": AID},
    ),
    ordering(
        "a device that is not there",
        request_of("DeviceRequest", codeReference={"reference": "Device/d1"}),
        {"DeviceRequest/o1": NO_CODE},
    ),
    ordering(
        "a tablet",
        request_of("MedicationRequest", medicationCodeableConcept=TABLET),
        {"MedicationRequest/o1 1049502": MET},
    ),
    ordering(
        "a tablet by reference",
        request_of("MedicationRequest", medicationReference={"reference": f"{SERVER}/Medication/m1"}),
        {"MedicationRequest/o1 1049502": MET},
        {"resourceType": "Medication", "id": "m1", "code": TABLET},
    ),
    ordering(
        "a tablet that is contained",
        request_of(
            "MedicationRequest",
            contained=[{"resourceType": "Medication", "id": "m1", "code": TABLET}],
            medicationReference={"reference": "#m1"},
        ),
        {"MedicationRequest/o1 1049502": MET},
    ),
    ordering("a diet", request_of("NutritionOrder", oralDiet={"type": [AID]}), {"NutritionOrder/o1 E0470": MET}),
    ordering(
        "a supplement", request_of("NutritionOrder", supplement=[{"type": AID}]), {"NutritionOrder/o1 E0470": MET}
    ),
    ordering(
        "a formula",
        request_of("NutritionOrder", enteralFormula={"baseFormulaType": AID}),
        {"NutritionOrder/o1 E0470": MET},
    ),
    ordering(
        "lenses",
        request_of(
            "VisionPrescription",
            lensSpecification=[{"product": concept(LENSES, "lens"), "eye": eye} for eye in ("right", "left")],
        ),
        {"VisionPrescription/o1 lens": MET},
    ),
    ordering(
        "a communication", request_of("CommunicationRequest", category=[AID]), {"CommunicationRequest/o1 E0470": MET}
    ),
    ordering(
        "a communication of a text",
        request_of("CommunicationRequest", payload=[{"contentString": "call"}]),
        {"CommunicationRequest/o1": NO_CODE},
    ),
    ordering(
        "a type in place of an appointment", request_of("Appointment", serviceType=[AID]), {"Appointment/o1 E0470": MET}
    ),
    *(
        ordering(
            f"a device by a code of {system}",
            request_of("DeviceRequest", codeCodeableConcept=concept(system, "E0470")),
            {"DeviceRequest/o1 E0470": MET},
        )
        for system in HCPCS_NAMES
    ),
]

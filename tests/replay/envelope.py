"""What stands around the orders: ids, hooks, tokens, extensions, and members that are missing or something else."""

from __future__ import annotations

from tests.made_up import PATIENT, order
from tests.replay.clients import GONE
from tests.replay.replay import MET, MET_IN_PART, MISSING, O1, signing

ENVELOPE = [
    signing("as the standard has it", {}, {O1: MET}, "C1", "Q1"),
    signing("no type of the Bundle", {"context.draftOrders.type": GONE}, {O1: MET}),
    signing("no resourceType of the Bundle", {"context.draftOrders.resourceType": GONE}, {O1: MET}),
    signing("a type of Bundle that there is not", {"context.draftOrders.type": "drafts"}, {O1: MET}),
    signing("a patientId with its type", {"context.patientId": "Patient/p1"}, {O1: MET}),
    signing("no userId", {"context.userId": GONE}, {O1: MET}),
    signing("a userId of null", {"context.userId": None}, {O1: MET}),
    signing("a userId that is nobody", {"context.userId": "Practitioner/COREPRACTITIONER1"}, {O1: MET}),
    signing("a userId that is a bare id", {"context.userId": "d1"}, {O1: MET}),
    signing("an encounterId that is nowhere", {"context.encounterId": "enc89284"}, {O1: MET}),
    signing("no encounterId", {"context.encounterId": GONE}, {O1: MET}),
    signing("no hookInstance", {"hookInstance": GONE}, {O1: MET}, "Q3"),
    signing("a hookInstance used before", {"hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}, {O1: MET}, "Q3"),
    signing("a hookInstance that is no UUID", {"hookInstance": "call 7"}, {O1: MET}, "Q3"),
    signing("a hookInstance that is a number", {"hookInstance": 7}, {O1: MET}, "Q3"),
    signing("ids that are numbers", {"context.userId": 7, "context.encounterId": 8}, {O1: MET}),
    signing("an extension that is empty", {"extension": []}, {O1: MET}),
    signing("a prefetch that is an empty array", {"prefetch": []}, {O1: MISSING}),
    signing(
        "an access that says itself in other types",
        {"fhirAuthorization": {"expires_in": "300", "scope": ["user/*.read"], "token_type": None, "subject": 3}},
        {O1: MET},
    ),
    signing("no hook", {"hook": GONE}, {O1: MET}),
    signing("the name of another hook", {"hook": "patient-view"}, {O1: MET}),
    signing("the name of no hook", {"hook": "order-signed"}, {O1: MET}),
    signing("an empty access token", {"fhirAuthorization.access_token": ""}, {O1: MET}),
    signing("no access token", {"fhirAuthorization": {"scope": "patient/Patient.read"}}, {O1: MET}),
    signing("fhirAuthorization without fhirServer", {"fhirServer": GONE}, {O1: MET}),
    signing("fhirServer without fhirAuthorization", {"fhirAuthorization": GONE}, {O1: MET}),
    signing("a fhirServer that does not answer", {"fhirServer": "http://127.0.0.1:9/fhir"}, {O1: MET}, "impl-2"),
    signing("a fhirServer that is no address", {"fhirServer": "our server"}, {O1: MET}),
    signing("a fhirServer that is a file", {"fhirServer": "file:///etc/passwd"}, {O1: MET}),
    signing(
        "context fields that are not known", {"context.services": [], "context.role": {"a": 1}}, {O1: MET}, "hook-23"
    ),
    signing("members that are not known", {"user": None, "oauth": {"token": "x"}}, {O1: MET}, "found-33"),
    signing(
        "extensions that are not known",
        {"extension": {"com.example.timestamp": [1, {"a": None}]}},
        {O1: MET},
        "found-33",
    ),
    signing(
        "a CRD configuration of nonsense",
        {"extension": {"davinci-crd.configuration": {"coverage-info": "perhaps", "max-cards": -1, "x": {}}}},
        {O1: MET},
        "dev-17",
    ),
    signing(
        "a CRD configuration that is a text", {"extension": {"davinci-crd.configuration": "all"}}, {O1: MET}, "dev-17"
    ),
    signing("a requestedVersion of nonsense", {"extension": {"davinci-crd.requestedVersion": ["9.9", 2]}}, {O1: MET}),
    signing("an empty member beside the context", {"prefetch.note": ""}, {O1: MET_IN_PART}),
    signing("no patientId", {"context.patientId": GONE}, 400, at="context.patientId"),
    signing("an empty patientId", {"context.patientId": "Patient/"}, 400, at="context.patientId"),
    signing("a patientId that is a number", {"context.patientId": 1}, 400, at="context.patientId"),
    signing("a hookInstance that is an object", {"hookInstance": {}}, 400, at="hookInstance"),
    signing("no context", {"context": GONE}, 400, at="context"),
    signing("a context that is an array", {"context": []}, 400, at="context"),
    signing("no draftOrders", {"context.draftOrders": GONE}, 400, at="context.draftOrders"),
    signing("draftOrders as an array", {"context.draftOrders": [order()]}, 400, at="context.draftOrders"),
    signing("draftOrders as a text", {"context.draftOrders": "Bundle/b1"}, 400, at="context.draftOrders"),
    signing(
        "one order in place of the Bundle", {"context.draftOrders": order()}, 400, at="context.draftOrders.resourceType"
    ),
    signing("entries as an object", {"context.draftOrders.entry": {}}, 400, at="context.draftOrders.entry"),
    signing("prefetch as an array", {"prefetch": [PATIENT]}, 400, at="prefetch"),
    signing("an extension that is an array", {"extension": [{}]}, 400, at="extension"),
    signing("a fhirServer that is an object", {"fhirServer": {}}, 400, at="fhirServer"),
]

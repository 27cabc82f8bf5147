"""What two EHR simulators send, and the patients that come with the project."""

from __future__ import annotations

from decimal import Decimal

from tests.charts import fixture
from tests.made_up import PATIENT, bundle
from tests.replay.clients import Json, edit, generator, pama, prescribing
from tests.replay.replay import MET, MISSING, NO_CODE, NOT_MET, OUTSIDE, replay

MRI = "ServiceRequest/example-request-id 72158"


SIMULATED = [
    replay("the Sandbox, an image selected", pama(), {MRI: OUTSIDE}, None, "Q1", hook="order-select"),
    replay("the Sandbox, the image signed", pama("order-sign"), {MRI: OUTSIDE}),
    replay("the Sandbox, sent to the wrong service", pama("patient-view"), {MRI: OUTSIDE}),
    replay(
        "the Sandbox, nothing chosen yet",
        pama(code={"coding": [{}]}, reasonCode=[]),
        {MRI[:-6]: NO_CODE},
        hook="order-select",
    ),
    replay("the Sandbox, a tablet signed", prescribing(), {"MedicationRequest/request-123 1049502": MISSING}),
    replay("the request generator", generator(), {"ServiceRequest/SR1 72158": MISSING}, None, "found-32"),
    replay(
        "the request generator, without identities",
        edit(generator(), {"prefetch.serviceRequestBundle.entry.1.resource": {**PATIENT, "birthDate": "2014"}}),
        {"ServiceRequest/SR1 72158": MISSING},
    ),
    replay(
        "the request generator, a decimal",
        generator(quantityQuantity={"value": Decimal("2.50")}),
        {"ServiceRequest/SR1 72158": MISSING},
    ),
]


def signed(seed: str) -> Json:
    return fixture(f"cds_hooks/{seed}-order-sign.json")


def dispatched(seed: str, *codes: str) -> Json:
    """Return the call as some of a patient's orders are sent to a performer, all of them being active."""
    message = signed(seed)
    orders = [entry["resource"] | {"status": "active"} for entry in message["context"]["draftOrders"]["entry"]]
    context = {
        "patientId": message["context"]["patientId"],
        "dispatchedOrders": [f"ServiceRequest/order-{code}" for code in codes],
        "performer": "Organization/hospital",
    }
    return message | {
        "hook": "order-dispatch",
        "context": context,
        "prefetch": message["prefetch"] | {"serviceRequest": bundle(*orders)},
    }


def outcomes(**by_code: str) -> dict[str, str]:
    codes = {name.removeprefix("c"): outcome for name, outcome in by_code.items()}
    return {f"ServiceRequest/order-{code} {code}": outcome for code, outcome in codes.items()}


DISPATCH = "order-dispatch"
SEEDS = [
    replay("the first patient", signed("seed-1"), outcomes(c63102=MET, c22854=MET, c22849=NOT_MET)),
    replay("the second patient", signed("seed-2"), outcomes(c27076=MET, c63303=MET, c64712=MET)),
    replay("a corpectomy dispatched", dispatched("seed-1", "63102"), outcomes(c63102=MET), hook=DISPATCH),
    # signed alone its code would not fit; what else was signed is not known here
    replay("a cage dispatched", dispatched("seed-1", "22854"), outcomes(c22854=MISSING), hook=DISPATCH),
    replay("a nerve dispatched", dispatched("seed-2", "64712"), outcomes(c64712=MISSING), hook=DISPATCH),
]

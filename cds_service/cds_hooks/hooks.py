"""The context of each hook: what the clinician is doing, and to whom.

FHIR inside a context (draft orders, appointments, tasks) stays the plain object
that was sent. `userId`, required by most hooks, may be missing here: clients omit
it. `patientId` may not: no decision is about nobody.

Source: CDS Hooks library 1.0.1, one page per hook (https://cds-hooks.hl7.org/hooks/).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, ConfigDict, WithJsonSchema, model_validator

from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.message import IdText, JsonObject, Message

__all__ = [
    "CONTEXTS",
    "AppointmentBookContext",
    "EncounterDischargeContext",
    "EncounterStartContext",
    "HookContext",
    "OrderDispatchContext",
    "OrderSelectContext",
    "OrderSignContext",
    "PatientViewContext",
]


def _bundle(value: JsonObject) -> JsonObject:
    """Return the Bundle; `type` and `resourceType` may be missing, as in the standard's own examples."""
    if value.get("resourceType", "Bundle") != "Bundle":
        raise ProtocolError("resourceType", "must be Bundle")
    if not isinstance(value.get("entry", []), list):
        raise ProtocolError("entry", "must be an array")
    return value


def _patient_id(value: str) -> str:
    return _identifier(value, "Patient")


def _encounter_id(value: str) -> str:
    return _identifier(value, "Encounter")


def _identifier(value: str, resource_type: str) -> str:
    bare = value.removeprefix(f"{resource_type}/")
    if not bare.strip():
        raise ProtocolError("", "must not be empty")
    if "/" in bare:
        raise ProtocolError("", f"must be an id, alone or as {resource_type}/id")
    return value


_BUNDLE_SCHEMA: Final = {
    "type": "object",
    "required": ["resourceType", "entry"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "entry": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {
                    "resource": {
                        "type": "object",
                        "required": ["resourceType"],
                        "properties": {"resourceType": {"type": "string"}},
                    }
                },
            },
        },
    },
}
"""What a client is to send; more than that is understood."""


def _id_schema(resource_type: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": rf"^({resource_type}/)?[A-Za-z0-9\-.]{{1,64}}$"})


Bundle = Annotated[JsonObject, AfterValidator(_bundle), WithJsonSchema(_BUNDLE_SCHEMA)]
PatientId = Annotated[str, AfterValidator(_patient_id), _id_schema("Patient")]
EncounterId = Annotated[IdText, AfterValidator(_encounter_id), _id_schema("Encounter")]


class HookContext(Message):
    """What the contexts of all hooks have in common.

    `TOKENS` are the members that the hook's page offers as prefetch tokens and
    that are primitive: "Only root-level fields with a primitive value" are
    eligible. Source: CDS Hooks 2.0.1, Prefetch tokens.
    """

    TOKENS: ClassVar[tuple[str, ...]] = ("userId", "patientId", "encounterId")

    user_id: IdText | None = None
    patient_id: PatientId
    encounter_id: IdText | None = None

    @property
    def patient(self) -> str:
        """The patient's bare id, whether `x` or `Patient/x` was sent."""
        return self.patient_id.removeprefix("Patient/")

    @property
    def encounter(self) -> str | None:
        """The encounter's bare id; None if there is none."""
        return (self.encounter_id or "").removeprefix("Encounter/") or None


class PatientViewContext(HookContext):
    """A patient's record is opened."""


class OrderSignContext(HookContext):
    """Orders are ready to be signed; `draft_orders` is the Bundle of them."""

    draft_orders: Bundle


class OrderSelectContext(HookContext):
    """Orders were just chosen: `selections` names them, `draft_orders` holds them among all drafts."""

    selections: tuple[str, ...]
    draft_orders: Bundle


class OrderDispatchContext(HookContext):
    """Signed orders are being sent to a performer.

    Two shapes are in use: `dispatchedOrders` and `fulfillmentTasks` (1.1), and
    `order` and `task` (1.0). `orders` and `tasks` read either. `performer` is
    required by the page and optional in the library's logical model: optional here.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["dispatchedOrders"], "properties": {"dispatchedOrders": {"minItems": 1}}},
                {"required": ["order"], "properties": {"order": {"type": "string", "minLength": 1}}},
            ]
        }
    )
    TOKENS = ("patientId", "performer")

    dispatched_orders: tuple[str, ...] = ()
    performer: str | None = None
    fulfillment_tasks: tuple[JsonObject, ...] = ()
    order: str | None = None
    task: JsonObject | None = None

    @property
    def orders(self) -> tuple[str, ...]:
        """References to the orders, such as `ServiceRequest/123`; at least one."""
        return self.dispatched_orders or ((self.order,) if self.order else ())

    @property
    def tasks(self) -> tuple[JsonObject, ...]:
        """The Tasks that ask for fulfilment; often none."""
        return self.fulfillment_tasks or ((self.task,) if self.task else ())

    @model_validator(mode="after")
    def _names_an_order(self) -> Self:
        if not self.orders:
            raise ProtocolError("dispatchedOrders", "is required")
        return self


class AppointmentBookContext(HookContext):
    """Appointments are being booked; `appointments` is the Bundle of them."""

    appointments: Bundle


class EncounterStartContext(HookContext):
    """An encounter begins."""

    encounter_id: EncounterId


class EncounterDischargeContext(HookContext):
    """An encounter ends in discharge."""

    encounter_id: EncounterId


CONTEXTS: Final[Mapping[str, type[HookContext]]] = {
    "appointment-book": AppointmentBookContext,
    "encounter-discharge": EncounterDischargeContext,
    "encounter-start": EncounterStartContext,
    "order-dispatch": OrderDispatchContext,
    "order-select": OrderSelectContext,
    "order-sign": OrderSignContext,
    "patient-view": PatientViewContext,
}
"""Hook name → its context. A hook that is not here has no context we can read."""

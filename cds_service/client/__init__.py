"""The other side of the hooks: calls any CDS service and says in words what it answered."""

from cds_service.client.answer import Answer
from cds_service.client.caller import Caller, CallFailed, Reply
from cds_service.client.hook_request import HookRequest
from cds_service.client.saved import saved
from cds_service.client.target import Target, choose, services_of, target_of
from cds_service.client.words import advice, in_words

__all__ = [
    "Answer",
    "CallFailed",
    "Caller",
    "HookRequest",
    "Reply",
    "Target",
    "advice",
    "choose",
    "in_words",
    "saved",
    "services_of",
    "target_of",
]

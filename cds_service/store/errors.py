"""The store's errors.

StoreError
├─ StoreUnavailable      cannot be written or read now: nothing was kept, ask again
│  └─ SchemaUnknown      a database that this release does not know, or may not bring up to date
├─ KeyFault              keys for encryption that cannot be used as they are given
└─ Unreadable            what was kept cannot be read: it is not what was stored
   └─ NoKey              … or none of the keys at hand opens it

A message holds kinds of faults and ids; never a value of a chart, and nothing that a database says of a row.
"""

from __future__ import annotations

from cds_service.errors import CdsServiceError

__all__ = ["KeyFault", "NoKey", "SchemaUnknown", "StoreError", "StoreUnavailable", "Unreadable"]


class StoreError(CdsServiceError):
    """What was decided cannot be kept, or what was kept cannot be read."""


class StoreUnavailable(StoreError):
    """The store cannot be used now; what it was given is not kept."""


class SchemaUnknown(StoreUnavailable):
    """The tables of the database are not those of this release."""


class KeyFault(StoreError):
    """The keys for encryption are not of the form that is asked for."""


class Unreadable(StoreError):
    """A payload that is not what was stored."""


class NoKey(Unreadable):
    """A payload that is encrypted with a key that is not at hand."""

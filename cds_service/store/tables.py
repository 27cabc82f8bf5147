"""The tables: a journal that is hashed, what writes it, and what is found by.

The journal holds every entry's content, and only it is hashed. `decision`, `determination`, `card` and `feedback`
repeat of it what is searched; `verify` compares. Times are ISO 8601 text in UTC of one width, so that both databases
compare them alike. There are no foreign keys: one transaction writes an entry with all its rows, and nothing deletes.

A schema is brought about by `migrations/`; a test holds that it comes out as it stands here.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

__all__ = [
    "FOUND",
    "METADATA",
    "PROJECTIONS",
    "RARE",
    "card",
    "decision",
    "determination",
    "feedback",
    "journal",
    "payload",
    "policy_package",
    "purged",
    "token_use",
    "writer",
]

METADATA: Final = MetaData()

writer: Final = Table(
    "writer",
    METADATA,
    Column("number", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("sequence", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
"""One row per process that wrote, with its last entry: the only rows that ever change."""

journal: Final = Table(
    "journal",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("content", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
RARE: Final = text("kind NOT IN ('decision', 'feedback')")
"""Which entries are found by their kind. A query has to say so, too, or SQLite reads the whole journal."""
Index("journal_rare", journal.c.kind, sqlite_where=RARE, postgresql_where=RARE)

payload: Final = Table(
    "payload",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
FOUND: Final = text("patient <> ''")
"""Which payloads are found by their patient; a query has to say so, too."""
Index("payload_patient", payload.c.patient, sqlite_where=FOUND, postgresql_where=FOUND)

purged: Final = Table(
    "purged",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("by_writer", Integer, nullable=False),
    Column("by_sequence", BigInteger, nullable=False),
)
"""Whose payload was removed, and by which entry."""

decision: Final = Table(
    "decision",
    METADATA,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("writer", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("exchange", Text, nullable=False, unique=True),
    Column("id", Text, nullable=False, index=True),
    Column("received", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("hook", Text, nullable=False),
    Column("hook_instance", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Index("decision_entry", "writer", "sequence", unique=True),
    Index("decision_received", "received", "position"),
    Index("decision_client", "issuer", "tenant", "position"),
)
"""`position` is the order of listing: by arrival, whatever the clock did."""

determination: Final = Table(
    "determination",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("ordinal", SmallInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, index=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Index("determination_outcome", "outcome", "position"),
    Index("determination_code", "code", "position", "outcome"),
    Index("determination_policy", "policy", "position", "outcome"),
    sqlite_with_rowid=False,
)
"""`position` is its decision's, so that the latest of an outcome, a code or a policy are one run of an index."""

card: Final = Table(
    "card",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("uuid", Text, primary_key=True, index=True),
    sqlite_with_rowid=False,
)

feedback: Final = Table(
    "feedback",
    METADATA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("issuer", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("card", Text, nullable=False, index=True),
    Column("outcome", Text, nullable=False),
    Column("timestamp", Text, nullable=False),
    Index("feedback_once", "issuer", "tenant", "card", "outcome", "timestamp", unique=True),
    sqlite_with_rowid=False,
)

token_use: Final = Table(
    "token_use",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""Tokens that were used: SHA-256 over issuer and id; until when, in seconds since 1970. Rows go when they are over."""

policy_package: Final = Table(
    "policy_package",
    METADATA,
    Column("revision", Text, primary_key=True),
    Column("recorded", Text, nullable=False),
    Column("package", LargeBinary, nullable=False),
)
"""The policies that decided, as a FHIR package, under the revision that decisions name."""

PROJECTIONS: Final = (decision, determination, card, feedback, purged)
"""The tables whose rows follow from the journal."""

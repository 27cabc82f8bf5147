"""The journal, what is found by, and triggers that let rows be added only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal", "decision", "determination", "card", "feedback", "purged")
KEYS = {
    "journal": ("writer", "sequence"),
    "decision": ("exchange",),
    "determination": ("writer", "sequence", "ordinal"),
    "card": ("writer", "sequence", "uuid"),
    "feedback": ("writer", "sequence"),
    "purged": ("writer", "sequence"),
    "payload": ("writer", "sequence", "key"),
}
MAY_GO = """
    EXISTS (SELECT 1 FROM purged p WHERE p.writer = OLD.writer AND p.sequence = OLD.sequence)
    OR EXISTS (SELECT 1 FROM payload p WHERE p.writer = OLD.writer AND p.sequence = OLD.sequence AND p.key <> OLD.key)
"""
"""A payload goes when a purge is on record, or when it is there under another key."""
MOVES_ON = "NEW.number = OLD.number AND NEW.id = OLD.id AND NEW.sequence > OLD.sequence"


def upgrade() -> None:
    """Make the tables and the triggers."""
    number, sequence = sa.Integer(), sa.BigInteger()
    op.create_table(
        "writer",
        sa.Column("number", sa.Integer(), sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column("sequence", sequence, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    rare = sa.text("kind NOT IN ('decision', 'feedback')")
    op.create_index("journal_rare", "journal", ["kind"], sqlite_where=rare, postgresql_where=rare)
    op.create_table(
        "payload",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    found = sa.text("patient <> ''")
    op.create_index("payload_patient", "payload", ["patient"], sqlite_where=found, postgresql_where=found)
    op.create_table(
        "purged",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("by_writer", number, nullable=False),
        sa.Column("by_sequence", sequence, nullable=False),
    )
    op.create_table(
        "decision",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
        sa.Column("writer", number, nullable=False),
        sa.Column("sequence", sequence, nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False, unique=True),
        sa.Column("id", sa.Text(), nullable=False, index=True),
        sa.Column("received", sa.Text(), nullable=False, index=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("hook_instance", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
    )
    op.create_index("decision_entry", "decision", ["writer", "sequence"], unique=True)
    op.create_table(
        "determination",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text(), nullable=False, index=True),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "card",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("uuid", sa.Text(), primary_key=True, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        sa.Column("writer", number, primary_key=True, autoincrement=False),
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False, index=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    once = ["issuer", "tenant", "card", "outcome", "timestamp"]
    op.create_index("feedback_once", "feedback", once, unique=True)
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _sqlite_triggers() -> None:
    """Refuse UPDATE and DELETE, and REPLACE, for which SQLite would run no trigger of a DELETE."""
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            _refuse(f"{table}_no_{change.lower()}", f"{change} ON {table}", "rows are only added here")
    _refuse("payload_no_update", "UPDATE ON payload", "a payload is not changed")
    _refuse("payload_stays", "DELETE ON payload", "no purge of it is on record", f"NOT ({MAY_GO})")
    _refuse("writer_moves_on", "UPDATE ON writer", "a writer only moves on", f"NOT ({MOVES_ON})")
    _refuse("writer_no_delete", "DELETE ON writer", "rows are only added here")
    for table, key in KEYS.items():
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of ours
        _refuse(f"{table}_no_replace", f"INSERT ON {table}", "UNIQUE: a row is not replaced", there)


def _refuse(name: str, event: str, reason: str, when: str = "1") -> None:
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{reason}'); END")


def _postgresql_triggers() -> None:
    """Refuse UPDATE, DELETE and TRUNCATE; who may not even try is a matter of grants (roles.sql)."""
    op.execute(
        "CREATE FUNCTION cds_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'rows are only added here'; END $$"
    )
    op.execute(
        "CREATE FUNCTION cds_payload_stays() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {MAY_GO} THEN RETURN OLD; END IF; RAISE EXCEPTION 'no purge of it is on record'; END $$"
    )
    op.execute(
        "CREATE FUNCTION cds_writer_moves_on() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {MOVES_ON} THEN RETURN NEW; END IF; RAISE EXCEPTION 'a writer only moves on'; END $$"
    )
    for table in APPEND_ONLY:
        _on(table, "append_only", "UPDATE OR DELETE", "cds_refuse")
    _on("payload", "no_update", "UPDATE", "cds_refuse")
    _on("payload", "stays", "DELETE", "cds_payload_stays")
    _on("writer", "moves_on", "UPDATE", "cds_writer_moves_on")
    _on("writer", "no_delete", "DELETE", "cds_refuse")
    for table in (*APPEND_ONLY, "payload", "writer"):
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION cds_refuse()"
        )


def _on(table: str, name: str, event: str, function: str) -> None:
    op.execute(f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")

"""The policies that decided: each set of them once, under its revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEPT = "rows are only added here"


def upgrade() -> None:
    """Make the table, whose rows are added and never changed."""
    op.create_table(
        "policy_package",
        sa.Column("revision", sa.Text(), primary_key=True),
        sa.Column("recorded", sa.Text(), nullable=False),
        sa.Column("package", sa.LargeBinary(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, event, when in (
            ("no_update", "UPDATE", "1"),
            ("no_delete", "DELETE", "1"),
            ("no_replace", "INSERT", "EXISTS (SELECT 1 FROM policy_package WHERE revision = NEW.revision)"),
        ):
            op.execute(
                f"CREATE TRIGGER policy_package_{name} BEFORE {event} ON policy_package WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
            )
        return
    for name, event, each in (("append_only", "UPDATE OR DELETE", "ROW"), ("no_truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER policy_package_{name} BEFORE {event} ON policy_package "
            f"FOR EACH {each} EXECUTE FUNCTION cds_refuse()"
        )

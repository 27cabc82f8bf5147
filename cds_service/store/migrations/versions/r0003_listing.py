"""What is listed is found by position: the latest of an outcome, a code, a policy or a client."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FILL = """
    UPDATE determination SET position = (
        SELECT d.position FROM decision d
        WHERE d.writer = determination.writer AND d.sequence = determination.sequence
    )
"""


def upgrade() -> None:
    """Give each determination its decision's position, for once past the trigger that lets rows be added only."""
    op.add_column("determination", sa.Column("position", sa.BigInteger(), nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "sqlite":
        found = sa.text("SELECT sql FROM sqlite_master WHERE name = 'determination_no_update'")
        trigger = op.get_bind().execute(found).scalar_one()
        op.execute("DROP TRIGGER determination_no_update")
        op.execute(_FILL)
        op.execute(trigger)
    else:
        op.execute("ALTER TABLE determination DISABLE TRIGGER determination_append_only")
        op.execute(_FILL)
        op.execute("ALTER TABLE determination ENABLE TRIGGER determination_append_only")
    op.create_index("determination_outcome", "determination", ["outcome", "position"])
    op.create_index("determination_code", "determination", ["code", "position", "outcome"])
    op.create_index("determination_policy", "determination", ["policy", "position", "outcome"])
    op.drop_index("ix_decision_received", "decision")
    op.create_index("decision_received", "decision", ["received", "position"])
    op.create_index("decision_client", "decision", ["issuer", "tenant", "position"])

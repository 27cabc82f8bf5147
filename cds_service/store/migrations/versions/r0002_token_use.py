"""Tokens that were used, until they expire: known to every process of the service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; its rows go when the tokens are over."""
    op.create_table(
        "token_use",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("expires", sa.BigInteger(), nullable=False, index=True),
        sqlite_with_rowid=False,
    )

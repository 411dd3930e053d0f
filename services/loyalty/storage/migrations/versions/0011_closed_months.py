"""The movements of closed months are kept, so that nobody has to add up their postings again."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "loyalty0011"
down_revision = "loyalty0010"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "closed_month",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("ends_at", types.Instant(), nullable=False),
        sa.Column("last_posting_id", types.BigInt, nullable=False),
        sa.Column("closed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "month"),
    )
    op.create_table(
        "month_flow",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("cohort", sa.Date(), nullable=False),
        sa.Column("expires", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("from_account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("to_account", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "month", "cohort", "expires", "from_account", "to_account"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

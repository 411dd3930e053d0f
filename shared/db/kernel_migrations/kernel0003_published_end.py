"""The tables of what a service has published, and of the losses that an operator has accepted."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0003"
down_revision = "kernel0002"


def upgrade() -> None:
    """Apply the change. The first look at the topics fills the table."""
    op.create_table(
        "published_end",
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("end_offset", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "accepted_loss",
        sa.Column("id", types.BigInt, autoincrement=True, nullable=False),
        sa.Column("loss", sa.Text(), nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("known", types.BigInt, nullable=False),
        sa.Column("found", types.BigInt, nullable=False),
        sa.Column("accepted_at", types.Instant(), nullable=False),
        sa.CheckConstraint("loss in ('database', 'bus', 'position')", name="accepted_loss_loss"),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

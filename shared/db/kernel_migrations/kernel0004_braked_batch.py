"""The tables of batches that the brake stopped, and of those that an operator has let pass."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0004"
down_revision = "kernel0003"


def upgrade() -> None:
    """Apply the change. A partition that stands describes its batch at its next try, a few seconds later."""
    op.create_table(
        "braked_batch",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("from_offset", types.BigInt, nullable=False),
        sa.Column("until_offset", types.BigInt, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=False),
        sa.Column("queued", sa.Integer(), nullable=False),
        sa.Column("refusals", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "allowed_batch",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("from_offset", types.BigInt, nullable=False),
        sa.Column("until_offset", types.BigInt, nullable=False),
        sa.Column("dead_max", sa.Integer(), nullable=False),
        sa.Column("allowed_by", sa.Text(), nullable=False),
        sa.Column("allowed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("allowed_batch_place", "allowed_batch", ["consumer", "topic", "partition"], unique=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The number of partitions by which each topic is written, and losses of records that a topic deleted before they were applied."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0013"
down_revision = "kernel0012"


def upgrade() -> None:
    """Apply the change. The first look at the topics fills the table."""
    op.create_table(
        "topic_layout",
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=False),
        sa.Column("noted_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("topic"),
    )
    with op.batch_alter_table("accepted_loss") as accepted_loss:
        accepted_loss.drop_constraint("accepted_loss_loss", type_="check")
        accepted_loss.create_check_constraint(
            "accepted_loss_loss", "loss in ('database', 'bus', 'position', 'deleted')"
        )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

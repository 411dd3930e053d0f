"""The periodic jobs that fail are known to every process of their service."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0016"
down_revision = "kernel0015"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "failing_job",
        sa.Column("name", types.Id, nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.Column("failed_at", types.Instant(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The windows of rate limits."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0007"
down_revision = "kernel0006"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "rate_window",
        sa.Column("ends_at", types.Instant(), nullable=False),
        sa.Column("bucket", types.Sealed, nullable=False),
        sa.Column("used", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("ends_at", "bucket"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rate_window SET UNLOGGED")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

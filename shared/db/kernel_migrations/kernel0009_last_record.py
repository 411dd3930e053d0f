"""The last record that a position has passed, so that a position in another log is recognised."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0009"
down_revision = "kernel0008"


def upgrade() -> None:
    """Apply the change. The next batch of each partition teaches its last record."""
    op.add_column("consumer_position", sa.Column("last_record", types.Id, nullable=True))
    op.add_column("consumer_position", sa.Column("foreign_since", types.Instant(), nullable=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

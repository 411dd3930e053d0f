"""Where the last published event of each partition stands, and since when it is missing there."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0015"
down_revision = "kernel0014"


def upgrade() -> None:
    """Apply the change. The first look at the topics, or the next event of a partition, tells the offset."""
    op.add_column("published_end", sa.Column("event_offset", types.BigInt, nullable=True))
    op.add_column("published_end", sa.Column("lost_since", types.Instant(), nullable=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

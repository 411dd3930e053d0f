"""The records that were set aside and have ended are found by their end, to be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "kernel0017"
down_revision = "kernel0016"


def upgrade() -> None:
    """Apply the change."""
    ended = sa.text("ended_at IS NOT NULL")
    op.create_index("set_aside_ended", "set_aside", ["ended_at"], postgresql_where=ended, sqlite_where=ended)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

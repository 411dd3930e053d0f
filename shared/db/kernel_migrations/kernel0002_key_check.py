"""The check values of the keys that a database was written with."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0002"
down_revision = "kernel0001"


def upgrade() -> None:
    """Apply the change. The first process with keys that prove themselves records their check values."""
    op.create_table(
        "key_check",
        sa.Column("purpose", types.Id, nullable=False),
        sa.Column("generation", sa.SmallInteger(), nullable=False),
        sa.Column("value", types.Sealed, nullable=False),
        sa.PrimaryKeyConstraint("purpose", "generation"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

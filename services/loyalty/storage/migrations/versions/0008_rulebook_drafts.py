"""Documents of rulebooks can be written down before they are published."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "loyalty0008"
down_revision = "loyalty0007"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "rulebook_draft",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", types.Id, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "name"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The register of owners, for services that follow identities by it."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "identity0001"
down_revision = None
branch_labels = ("identity",)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", types.BigInt, nullable=False),
        sa.Column("erased_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_index("identity_owner_id", "identity", ["owner_id"], unique=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

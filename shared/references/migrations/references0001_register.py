"""The register of references, for services that find customers by the merchant's own ids."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "references0001"
down_revision = None
branch_labels = ("references",)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "reference_record",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("record_version", types.BigInt, nullable=False),
        sa.Column("erased_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_table(
        "reference",
        sa.Column("reference", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.PrimaryKeyConstraint("reference", "identity_id"),
    )
    op.create_index("reference_identity_id", "reference", ["identity_id"], unique=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

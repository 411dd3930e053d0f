"""The register of API keys, and its copies."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0010"
down_revision = "kernel0009"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "api_key",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("partner_id", types.Id, nullable=False),
        sa.Column("label", types.Id, nullable=False),
        sa.Column("key_hash", types.Sealed, nullable=False),
        sa.Column("scopes", types.Json, nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=True),
        sa.Column("revoked_at", types.Instant(), nullable=True),
        sa.Column("record_version", types.BigInt, nullable=False),
        sa.Column("last_used_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("api_key_of_partner", "api_key", ["partner_id", "id"], unique=False)
    in_force = sa.text("revoked_at IS NULL")
    op.create_index(
        "api_key_in_force", "api_key", ["id"], unique=False, postgresql_where=in_force, sqlite_where=in_force
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

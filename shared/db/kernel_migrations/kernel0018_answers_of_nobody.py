"""A stored answer names no identity. The column was never filled, and each request with a key paid for its index."""

from alembic import op

revision = "kernel0018"
down_revision = "kernel0017"


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("idempotency_identity", table_name="idempotency")
    op.drop_column("idempotency", "identity_id")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Jobs, API keys and the audit trail are sorted by instants, with their ids behind them."""

from alembic import op

revision = "kernel0011"
down_revision = "kernel0010"


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("audit_at", table_name="audit")
    op.create_index("audit_at", "audit", ["at", "id"])
    op.drop_index("job_of_principal", table_name="job")
    op.create_index("job_of_principal", "job", ["principal", "created_at", "id"])
    op.create_index("job_created", "job", ["created_at", "id"])
    op.create_index("api_key_created", "api_key", ["created_at", "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

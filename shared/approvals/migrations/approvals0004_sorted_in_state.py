"""The approvals in one state are read in the order in which they were proposed by one index."""

from alembic import op

revision = "approvals0004"
down_revision = "approvals0003"


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("approval_in_state", table_name="approval")
    op.create_index("approval_in_state", "approval", ["state", "proposed_at", "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

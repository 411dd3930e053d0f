"""The complaints in one state, of one owner or of one partner are read in the order of their receipt by one index."""

from alembic import op

revision = "feedback0007"
down_revision = "feedback0006"


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("complaint_status", table_name="complaint")
    for name, column in (("status", "status"), ("owner", "owner"), ("opened_by", "opened_by_id")):
        op.create_index(f"complaint_{name}", "complaint", [column, "received_at", "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

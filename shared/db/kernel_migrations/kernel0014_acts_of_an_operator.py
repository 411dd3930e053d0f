"""The acts of one operator are read in the order of their times by one index."""

from alembic import op

revision = "kernel0014"
down_revision = "kernel0013"


def upgrade() -> None:
    """Apply the change."""
    op.drop_index("audit_of_operator", table_name="audit")
    op.create_index("audit_of_operator", "audit", ["operator", "at", "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

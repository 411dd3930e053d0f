"""Remedies above an agent's limit name the manager, who approved them, and count for the manager."""

import sqlalchemy as sa
from alembic import op

revision = "feedback0005"
down_revision = "feedback0004"


def upgrade() -> None:
    """Apply the change."""
    was_approved = sa.text("approved_by IS NOT NULL")
    op.create_index(
        "remedy_approved_by",
        "remedy",
        ["approved_by", "granted_at"],
        postgresql_where=was_approved,
        sqlite_where=was_approved,
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

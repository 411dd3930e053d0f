"""Adjustments above a limit name the second operator, who approved them."""

import sqlalchemy as sa
from alembic import op

revision = "loyalty0004"
down_revision = "loyalty0003"


def upgrade() -> None:
    """Apply the change."""
    op.add_column("adjustment", sa.Column("approved_by", sa.Text(), nullable=True))
    op.create_index("adjustment_of_actor", "adjustment", ["actor", "occurred_at"], unique=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

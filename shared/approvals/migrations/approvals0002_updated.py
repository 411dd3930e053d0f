"""An approval knows when it last changed. One that has expired already changed, at the latest, when it did."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "approvals0002"
down_revision = "approvals0001"


def upgrade() -> None:
    """Apply the change."""
    default = sa.text("'1970-01-01 00:00:00+00'")
    op.add_column(
        "approval", sa.Column("updated_at", types.Instant(), server_default=default, nullable=False)
    )
    op.execute(
        "UPDATE approval SET updated_at = coalesce(decided_at,"
        " CASE WHEN state = 'expired' THEN expires_at ELSE proposed_at END)"
    )
    for column in ("proposed_at", "expires_at", "updated_at"):
        op.create_index(f"approval_{column.removesuffix('_at')}", "approval", [column, "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Redemptions and adjustments of a member are read in the order of their ids by one index."""

from alembic import op

revision = "loyalty0005"
down_revision = "loyalty0004"


def upgrade() -> None:
    """Apply the change."""
    for table in ("redemption", "adjustment"):
        op.drop_index(f"{table}_wallet_id", table_name=table)
        op.create_index(f"{table}_wallet", table, ["wallet_id", "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

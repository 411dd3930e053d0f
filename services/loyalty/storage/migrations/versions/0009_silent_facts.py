"""Purchases and returns that moved no points are found in a member's ledger by indexes of their own."""

import sqlalchemy as sa
from alembic import op

revision = "loyalty0009"
down_revision = "loyalty0008"


def upgrade() -> None:
    """Apply the change."""
    moved_nothing = sa.column("moved_points", sa.Boolean).is_(False)
    for table, is_silent in (
        ("purchase", sa.text("outcome != 'earned'")),
        ("purchase_return", moved_nothing),
    ):
        op.create_index(
            f"{table}_silent",
            table,
            ["wallet_id", "id"],
            postgresql_where=is_silent,
            sqlite_where=is_silent,
        )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

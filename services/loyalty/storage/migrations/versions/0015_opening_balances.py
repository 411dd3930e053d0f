"""Shops bring the points that their members had in another system."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0015"
down_revision = "loyalty0014"


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "opening",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("earned_at", types.Instant, nullable=False),
        sa.Column("available_at", types.Instant, nullable=True),
        sa.Column("expires_at", types.Instant, nullable=True),
        sa.Column("occurred_at", types.Instant, nullable=False),
        sa.Column("booked_at", types.Instant, nullable=False),
        sa.CheckConstraint("points > 0", name="opening_moves"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("opening_wallet_id", "opening", ["wallet_id"])
    for statement in triggers.append_only_ddl("opening", dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

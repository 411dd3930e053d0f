"""Members give points to each other."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0019"
down_revision = "loyalty0018"


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "transfer",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("to_wallet_id", types.BigInt, nullable=False),
        sa.Column("to_identity_id", types.Id, nullable=False),
        sa.Column("to_customer_id", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant, nullable=False),
        sa.Column("booked_at", types.Instant, nullable=False),
        sa.CheckConstraint("points > 0", name="transfer_moves"),
        sa.CheckConstraint("wallet_id <> to_wallet_id", name="transfer_two_wallets"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("transfer_wallet", "transfer", ["wallet_id", "occurred_at"])
    for statement in triggers.append_only_ddl("transfer", dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

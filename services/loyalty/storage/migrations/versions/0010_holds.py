"""Points can be held for a cart, and the identities that partners brought are known."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0010"
down_revision = "loyalty0009"

HOLD_FACTS = ("id", "wallet_id", "identity_id", "issuer", "points", "opened_at", "booked_at")
HOLD_END = ("ended_as", "ended_at", "end_booked_at")


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    _hold(dialect)
    _checkout(dialect)
    op.create_table(
        "brought_identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    for statement in triggers.append_only_ddl("brought_identity", dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _hold(dialect: str) -> None:
    op.create_table(
        "hold",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("opened_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("end_booked_at", types.Instant(), nullable=True),
        sa.CheckConstraint("points > 0", name="hold_points"),
        sa.CheckConstraint("expires_at > opened_at", name="hold_expires"),
        sa.CheckConstraint("ended_as in ('committed', 'cancelled', 'expired')", name="hold_end"),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("ended_as IS NULL")
    op.create_index("hold_open", "hold", ["wallet_id"], postgresql_where=is_open, sqlite_where=is_open)
    op.create_index("hold_opened", "hold", ["opened_at", "id"])
    op.create_index("hold_wallet", "hold", ["wallet_id", "opened_at", "id"])
    op.create_index("hold_issuer", "hold", ["issuer", "opened_at", "id"])
    for statement in triggers.frozen_columns_ddl("hold", HOLD_FACTS, dialect, once=HOLD_END):
        op.execute(statement)


def _checkout(dialect: str) -> None:
    op.create_table(
        "held_cart",
        sa.Column("hold_id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("replaces_id", types.BigInt, nullable=True),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("worth_minor", types.BigInt, nullable=True),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("quote_hash", types.Id, nullable=False),
        sa.Column("rulebook", types.BigInt, nullable=True),
        sa.PrimaryKeyConstraint("hold_id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "checkout",
        sa.Column("redemption_id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("hold_id", types.BigInt, nullable=False),
        sa.Column("order_token", types.Sealed, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("worth_minor", types.BigInt, nullable=True),
        sa.Column("kept", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("redemption_id"),
        sa.UniqueConstraint("hold_id"),
        sa.UniqueConstraint("order_token"),
    )
    for table in ("held_cart", "checkout"):
        for statement in triggers.append_only_ddl(table, dialect):
            op.execute(statement)

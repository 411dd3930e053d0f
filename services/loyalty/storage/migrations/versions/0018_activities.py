"""Members earn for activities: their table and that of their reversals, and lots name the activity that earned them."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0018"
down_revision = "loyalty0017"

LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "expires_at", "wanted", "cap", "cap_from"),
    *("budget", "budget_from", "activity_id"),
)


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.add_column("lot", sa.Column("activity_id", types.BigInt, nullable=True))
    of_activity = sa.text("activity_id IS NOT NULL")
    op.create_index(
        "lot_activity", "lot", ["activity_id"], postgresql_where=of_activity, sqlite_where=of_activity
    )
    of_table = " ON lot" if dialect == "postgresql" else ""
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if of_table else [])):
        op.execute(f"DROP TRIGGER lot_{rule}{of_table}")
    for statement in triggers.frozen_columns_ddl("lot", LOT_FACTS, dialect):
        op.execute(statement)
    _create_activity()
    op.create_table(
        "activity_reversal",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("activity_id", types.BigInt, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("moved_points", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("activity_id"),
    )
    op.create_index("activity_reversal_wallet", "activity_reversal", ["wallet_id", "id"])
    for table in ("activity", "activity_reversal"):
        for statement in triggers.append_only_ddl(table, dialect):
            op.execute(statement)


def _create_activity() -> None:
    op.create_table(
        "activity",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("activity_id", types.Id, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("facts", types.Json, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rulebook", types.BigInt, nullable=False),
        sa.Column("context", types.Json, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "source", "activity_id", name="activity_key"),
    )
    op.create_index("activity_wallet", "activity", ["wallet_id", "occurred_at", "id"])
    op.create_index("activity_occurred", "activity", ["occurred_at", "id"])
    op.create_index("activity_issuer", "activity", ["issuer", "occurred_at", "id"])
    silent = sa.text("outcome != 'earned'")
    op.create_index(
        "activity_silent", "activity", ["wallet_id", "id"], postgresql_where=silent, sqlite_where=silent
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

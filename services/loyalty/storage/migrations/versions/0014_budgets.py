"""Members share budgets: a row per budget and period, and lots name the budget that their points come from."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0014"
down_revision = "loyalty0013"

LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "expires_at", "wanted", "cap", "cap_from"),
    *("budget", "budget_from"),
)


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.add_column("lot", sa.Column("budget", types.Id, nullable=True))
    op.add_column("lot", sa.Column("budget_from", sa.Date(), nullable=True))
    budgeted = sa.text("budget IS NOT NULL")
    op.create_index(
        "lot_budget", "lot", ["budget", "budget_from"], postgresql_where=budgeted, sqlite_where=budgeted
    )
    of_table = " ON lot" if dialect == "postgresql" else ""
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if of_table else [])):
        op.execute(f"DROP TRIGGER lot_{rule}{of_table}")
    for statement in triggers.frozen_columns_ddl("lot", LOT_FACTS, dialect):
        op.execute(statement)
    op.create_table(
        "quota",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", types.Id, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("ceiling", types.BigInt, nullable=False),
        sa.Column("used", types.BigInt, nullable=False),
        sa.Column("held", types.BigInt, nullable=False),
        sa.CheckConstraint("used >= 0 and held >= 0 and used + held <= ceiling", name="quota_has_room"),
        sa.PrimaryKeyConstraint("programme_id", "key", "period_from"),
        postgresql_with={"fillfactor": 50},
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

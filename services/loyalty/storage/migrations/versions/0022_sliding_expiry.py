"""Activities of a member move the expiry of lots that slide: the terms that say so, and the trigger that lets an expiry move with its term."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0022"
down_revision = "loyalty0019"

LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "wanted", "cap", "cap_from"),
    *("budget", "budget_from", "activity_id", "slides"),
)


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.add_column("lot", sa.Column("slides", sa.Boolean(), nullable=True))
    op.add_column("lot", sa.Column("term_id", types.BigInt, nullable=True))
    slid = sa.text("slides and expired > 0")
    op.create_index("lot_slid", "lot", ["wallet_id", "expires_at"], postgresql_where=slid, sqlite_where=slid)
    of_table = " ON lot" if dialect == "postgresql" else ""
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if of_table else [])):
        op.execute(f"DROP TRIGGER lot_{rule}{of_table}")
    for statement in triggers.frozen_columns_ddl(
        "lot", LOT_FACTS, dialect, together={"expires_at": "term_id"}
    ):
        op.execute(statement)
    op.create_table(
        "lot_term",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("lot_id", types.BigInt, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("former_expires_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("expires_at > former_expires_at", name="lot_term_ahead"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lot_term_lot", "lot_term", ["lot_id", "id"])
    for statement in triggers.append_only_ddl("lot_term", dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The tables of loyalty."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0001"
down_revision = None
branch_labels = ("loyalty",)
depends_on = ("kernel",)


APPEND_ONLY = ("ownership", "purchase", "purchase_return", "posting", "redemption", "adjustment", "remedy")
LOT_FACTS = (
    "id",
    "wallet_id",
    "identity_id",
    "purchase_id",
    "origin_lot_id",
    "rule",
    "rulebook",
    "issued",
    "base",
    "eligible",
    "earned_at",
    "available_at",
    "expires_at",
)


def upgrade() -> None:
    """Apply the change."""
    _adjustment()
    _ledger_id()
    _lot()
    _ownership()
    _posting()
    _programme()
    _purchase()
    _purchase_return()
    _redemption()
    _remedy()
    _rulebook()
    _tier_state()
    _wallet()
    dialect = op.get_bind().dialect.name
    for table in APPEND_ONLY:
        for statement in triggers.append_only_ddl(table, dialect):
            op.execute(statement)
    for statement in triggers.frozen_columns_ddl("lot", LOT_FACTS, dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _adjustment() -> None:
    op.create_table(
        "adjustment",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("reason", types.Sealed, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("points <> 0", name="adjustment_moves"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("adjustment_wallet_id", "adjustment", ["wallet_id"], unique=False)


def _ledger_id() -> None:
    op.create_table(
        "ledger_id",
        sa.Column("id", types.BigInt, sa.Identity(always=False, increment=256), nullable=False),
        sa.Column("next", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _lot() -> None:
    op.create_table(
        "lot",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.BigInt, nullable=True),
        sa.Column("origin_lot_id", types.BigInt, nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rulebook", types.BigInt, nullable=False),
        sa.Column("issued", types.BigInt, nullable=False),
        sa.Column("base", types.BigInt, nullable=False),
        sa.Column("eligible", types.Json, nullable=True),
        sa.Column("earned_at", types.Instant(), nullable=False),
        sa.Column("available_at", types.Instant(), nullable=True),
        sa.Column("expires_at", types.Instant(), nullable=True),
        sa.Column("pending", types.BigInt, nullable=False),
        sa.Column("remaining", types.BigInt, nullable=False),
        sa.Column("held", types.BigInt, nullable=False),
        sa.Column("expired", types.BigInt, nullable=False),
        sa.Column("reversed", types.BigInt, nullable=False),
        sa.Column("owed", types.BigInt, nullable=False),
        sa.Column("covered", types.BigInt, nullable=False),
        sa.CheckConstraint("expires_at > available_at", name="lot_expires"),
        sa.CheckConstraint(
            "issued >= 0 and pending >= 0 and remaining >= 0 and held >= 0 and expired >= 0 and reversed >= 0 and owed >= 0 and covered >= 0",
            name="lot_not_negative",
        ),
        sa.CheckConstraint("pending + remaining + held + expired <= issued", name="lot_issued"),
        sa.CheckConstraint("reversed <= issued", name="lot_reversed"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "lot_open",
        "lot",
        ["wallet_id", "expires_at", "earned_at", "id"],
        unique=False,
        postgresql_where=sa.text("pending + remaining + held + owed + covered > 0"),
        sqlite_where=sa.text("pending + remaining + held + owed + covered > 0"),
    )
    op.create_index("lot_purchase", "lot", ["purchase_id"], unique=False)


def _ownership() -> None:
    op.create_table(
        "ownership",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("former_owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity_id", "ownership_version", name="ownership_version"),
    )
    op.create_index("ownership_owner_id", "ownership", ["owner_id"], unique=False)


def _posting() -> None:
    op.create_table(
        "posting",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("cause_kind", sa.SmallInteger(), nullable=False),
        sa.Column("cause_id", types.BigInt, nullable=False),
        sa.Column("ordinal", types.BigInt, nullable=False),
        sa.Column("from_account", sa.SmallInteger(), nullable=False),
        sa.Column("to_account", sa.SmallInteger(), nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("lot_id", types.BigInt, nullable=False),
        sa.Column("to_wallet_id", types.BigInt, nullable=True),
        sa.Column("to_lot_id", types.BigInt, nullable=True),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("from_account <> to_account or lot_id <> to_lot_id", name="posting_two_sides"),
        sa.CheckConstraint("points > 0", name="posting_moves"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("cause_kind", "cause_id", "ordinal", name="posting_cause"),
    )
    op.create_index(
        "posting_debtor",
        "posting",
        ["to_lot_id"],
        unique=False,
        postgresql_where=sa.text("to_lot_id IS NOT NULL"),
        sqlite_where=sa.text("to_lot_id IS NOT NULL"),
    )
    op.create_index(
        "posting_payer",
        "posting",
        ["lot_id"],
        unique=False,
        postgresql_where=sa.text("to_lot_id IS NOT NULL"),
        sqlite_where=sa.text("to_lot_id IS NOT NULL"),
    )
    op.create_index(
        "posting_to_wallet",
        "posting",
        ["to_wallet_id", "id"],
        unique=False,
        postgresql_where=sa.text("to_lot_id IS NOT NULL"),
        sqlite_where=sa.text("to_lot_id IS NOT NULL"),
    )
    op.create_index("posting_wallet", "posting", ["wallet_id", "id"], unique=False)


def _programme() -> None:
    op.create_table(
        "programme",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )


def _purchase() -> None:
    op.create_table(
        "purchase",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("order_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("purchase_id"),
        sa.UniqueConstraint("source", "order_id", name="purchase_order"),
    )
    op.create_index("purchase_window", "purchase", ["wallet_id", "occurred_at"], unique=False)


def _purchase_return() -> None:
    op.create_table(
        "purchase_return",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.BigInt, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("purchased_at", types.Instant(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("units", types.Json, nullable=False),
        sa.Column("moved_points", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("return_id"),
    )
    op.create_index("purchase_return_purchase_id", "purchase_return", ["purchase_id"], unique=False)
    op.create_index("purchase_return_window", "purchase_return", ["wallet_id", "purchased_at"], unique=False)


def _redemption() -> None:
    op.create_table(
        "redemption",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=True),
        sa.Column("order_id", types.Id, nullable=True),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("base", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("reference", types.Sealed, nullable=True),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("redemption_wallet_id", "redemption", ["wallet_id"], unique=False)
    op.create_index(
        "redemption_order",
        "redemption",
        ["order_id", "source"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
        sqlite_where=sa.text("order_id IS NOT NULL"),
    )


def _remedy() -> None:
    op.create_table(
        "remedy",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("remedy_id", types.Id, nullable=False),
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=True),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("remedy_id"),
    )
    op.create_index("remedy_wallet_id", "remedy", ["wallet_id"], unique=False)


def _rulebook() -> None:
    op.create_table(
        "rulebook",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("version", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", "version"),
    )


def _tier_state() -> None:
    op.create_table(
        "tier_state",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("since", types.Instant(), nullable=True),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("programme_id", "owner_id"),
    )
    op.create_index(
        "tier_state_due",
        "tier_state",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )


def _wallet() -> None:
    op.create_table(
        "wallet",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", types.BigInt, nullable=False),
        sa.Column("erased_at", types.Instant(), nullable=True),
        sa.Column("group_size", types.BigInt, nullable=False),
        sa.Column("active", types.BigInt, nullable=False),
        sa.Column("pending", types.BigInt, nullable=False),
        sa.Column("held", types.BigInt, nullable=False),
        sa.Column("owed", types.BigInt, nullable=False),
        sa.Column("next_due_at", types.Instant(), nullable=True),
        sa.Column("last_booked_at", types.Instant(), nullable=False),
        sa.Column("spend", types.BigInt, nullable=False),
        sa.Column("spend_at", types.Instant(), nullable=True),
        sa.Column("spend_drop_at", types.Instant(), nullable=True),
        sa.CheckConstraint(
            "active >= 0 and pending >= 0 and held >= 0 and owed >= 0", name="wallet_not_negative"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity_id", "programme_id", "kind", name="wallet_identity"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("wallet_owner_id", "wallet", ["owner_id"], unique=False)
    op.create_index(
        "wallet_due",
        "wallet",
        ["next_due_at"],
        unique=False,
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
        sqlite_where=sa.text("next_due_at IS NOT NULL"),
    )

"""First tables: identities, their identifiers, purchases and returns."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "profile0001"
down_revision = None
branch_labels = ("profile",)
depends_on = ("kernel",)

_PURCHASE_FACTS = (
    "purchase_id",
    "source",
    "order_id",
    "issuer",
    "identity_id",
    "customer_id",
    "purchased_at",
    "currency",
    "amount_minor",
    "content_hash",
    "booked_at",
)
_LINE_FACTS = ("purchase_id", "line", "sku", "quantity", "amount_minor")


def upgrade() -> None:
    """Apply the change."""
    _customer_values()
    _identifiers()
    _identities()
    _purchase_lines()
    _purchases()
    _return_lines()
    _returns()
    _source_records()
    dialect = op.get_bind().dialect.name
    for statement in (
        *triggers.frozen_columns_ddl("purchase", _PURCHASE_FACTS, dialect),
        *triggers.frozen_columns_ddl("purchase_line", _LINE_FACTS, dialect),
        *triggers.append_only_ddl("purchase_return", dialect),
        *triggers.append_only_ddl("return_line", dialect),
    ):
        op.execute(statement)


def _customer_values() -> None:
    """Values of customers."""
    op.create_table(
        "customer_value",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("sealed", types.Sealed, nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("confidence", sa.SmallInteger(), nullable=False),
        sa.Column("verified_at", types.Instant(), nullable=True),
        sa.Column("observed_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=True),
        sa.Column("absence", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "absence is null or absence in ('empty', 'refused')", name="customer_value_absence"
        ),
        sa.CheckConstraint(
            "evidence in ('declared', 'observed', 'inferred')", name="customer_value_evidence"
        ),
        sa.CheckConstraint("confidence >= 0 and confidence <= 100", name="customer_value_confidence"),
        sa.PrimaryKeyConstraint("identity_id", "field", "record_id"),
    )


def _identifiers() -> None:
    """Identifiers."""
    op.create_table(
        "identifier",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("blind_key", sa.SmallInteger(), nullable=False),
        sa.Column("blind_index", types.Sealed, nullable=False),
        sa.Column("blind_index_next", types.Sealed, nullable=True),
        sa.Column("sealed", types.Sealed, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verified_at", types.Instant(), nullable=True),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "state in ('resolving', 'contested', 'shared', 'blocked', 'retired')", name="identifier_state"
        ),
        sa.PrimaryKeyConstraint("identity_id", "blind_index"),
    )
    op.create_index(
        "identifier_not_resolving",
        "identifier",
        ["blind_index"],
        unique=False,
        postgresql_where=sa.text("state != 'resolving'"),
        sqlite_where=sa.text("state != 'resolving'"),
    )
    op.create_index(
        "identifier_resolving",
        "identifier",
        ["blind_index"],
        unique=True,
        postgresql_where=sa.text("state = 'resolving'"),
        sqlite_where=sa.text("state = 'resolving'"),
    )
    op.create_index(
        "identifier_resolving_next",
        "identifier",
        ["blind_index_next"],
        unique=True,
        postgresql_where=sa.text("state = 'resolving'"),
        sqlite_where=sa.text("state = 'resolving'"),
    )


def _identities() -> None:
    """Identities."""
    op.create_table(
        "identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", sa.Integer(), nullable=False),
        sa.Column("record_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("state in ('active', 'anonymous', 'erased')", name="identity_state"),
        sa.CheckConstraint("ownership_version >= 0", name="identity_ownership_version"),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_index(
        "identity_owned",
        "identity",
        ["owner_id"],
        unique=False,
        postgresql_where=sa.text("owner_id != identity_id"),
        sqlite_where=sa.text("owner_id != identity_id"),
    )


def _purchase_lines() -> None:
    """Lines of purchases."""
    op.create_table(
        "purchase_line",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.BigInt, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("name", types.Sealed, nullable=True),
        sa.Column("returned_quantity", types.BigInt, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="purchase_line_amount"),
        sa.CheckConstraint("quantity > 0", name="purchase_line_quantity"),
        sa.CheckConstraint(
            "returned_quantity >= 0 and returned_quantity <= quantity", name="purchase_line_returned"
        ),
        sa.PrimaryKeyConstraint("purchase_id", "line"),
    )


def _purchases() -> None:
    """Purchases."""
    op.create_table(
        "purchase",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("order_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("purchased_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("content_hash", types.Sealed, nullable=False),
        sa.Column("customer_hash", types.Sealed, nullable=True),
        sa.Column("unattached", types.Json, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="purchase_amount"),
        sa.PrimaryKeyConstraint("purchase_id"),
        sa.UniqueConstraint("source", "order_id", name="purchase_order"),
    )
    op.create_index(
        "purchase_identity", "purchase", ["identity_id", "purchased_at", "purchase_id"], unique=False
    )


def _return_lines() -> None:
    """Lines of returns."""
    op.create_table(
        "return_line",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("quantity", types.BigInt, nullable=False),
        sa.Column("unit_from", types.BigInt, nullable=False),
        sa.Column("unit_to", types.BigInt, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="return_line_amount"),
        sa.CheckConstraint("unit_from >= 1 and unit_to - unit_from + 1 = quantity", name="return_line_range"),
        sa.PrimaryKeyConstraint("return_id", "line"),
        sa.UniqueConstraint("purchase_id", "line", "unit_to", name="return_line_units"),
    )


def _returns() -> None:
    """Returns."""
    op.create_table(
        "purchase_return",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("source_return_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("order_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("returned_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("content_hash", types.Sealed, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="purchase_return_amount"),
        sa.PrimaryKeyConstraint("return_id"),
        sa.UniqueConstraint("source", "source_return_id", name="purchase_return_reported"),
    )
    op.create_index("purchase_return_purchase_id", "purchase_return", ["purchase_id"], unique=False)


def _source_records() -> None:
    """Source records."""
    op.create_table(
        "source_record",
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", types.Id, nullable=True),
        sa.Column("batch_id", types.Id, nullable=True),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("sealed", types.Sealed, nullable=True),
        sa.PrimaryKeyConstraint("record_id"),
    )
    op.create_index("source_record_identity_id", "source_record", ["identity_id"], unique=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

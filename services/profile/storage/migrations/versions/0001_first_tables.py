"""First tables."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "0001"
down_revision = None

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
    dialect = op.get_bind().dialect.name
    op.create_table(
        "consumer_position",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", types.BigInt, nullable=False),
        sa.Column("moved_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", types.Id, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key_hash", types.Sealed, nullable=False),
        sa.Column("body_hash", types.Sealed, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", types.Sealed, nullable=False),
        sa.Column("identity_id", types.Id, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "operation", "key_hash"),
    )
    op.create_index("idempotency_at", "idempotency", ["at"], unique=False)
    op.create_index("idempotency_identity", "idempotency", ["identity_id"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("event_id", types.Id, nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index(op.f("ix_inbox_seen_at"), "inbox", ["seen_at"], unique=False)
    op.create_table(
        "job_state",
        sa.Column("name", types.Id, nullable=False),
        sa.Column("ran_at", types.Instant(), nullable=False),
        sa.Column("effects", types.BigInt, nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", types.BigInt, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("aggregatetype", sa.Text(), nullable=False),
        sa.Column("aggregateid", types.Id, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("key", types.Id, nullable=False),
        sa.Column("headers", types.Json, nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "outbox_pending",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
        sqlite_where=sa.text("published_at IS NULL"),
    )
    op.create_index(
        "outbox_published",
        "outbox",
        ["published_at"],
        unique=False,
        postgresql_where=sa.text("published_at IS NOT NULL"),
        sqlite_where=sa.text("published_at IS NOT NULL"),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("event_id", types.Id, nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("topic", types.Id, nullable=True),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("offset", types.BigInt, nullable=True),
        sa.Column("key", types.Id, nullable=True),
        sa.Column("behind", types.Id, nullable=True),
        sa.Column("awaits", types.Id, nullable=True),
        sa.Column("order_by", types.Id, nullable=True),
        sa.Column("deadline_at", types.Instant(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record", types.Sealed, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('dead', 'queued', 'parked', 'applied', 'discarded')", name="set_aside_state"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "set_aside_awaited",
        "set_aside",
        ["awaits"],
        unique=False,
        postgresql_where=sa.text("state = 'parked'"),
        sqlite_where=sa.text("state = 'parked'"),
    )
    op.create_index("set_aside_listed", "set_aside", ["state", "id"], unique=False)
    op.create_index(
        "set_aside_open_behind",
        "set_aside",
        ["consumer", "behind"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "set_aside_open_key",
        "set_aside",
        ["consumer", "key", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('dead', 'queued')"),
        sqlite_where=sa.text("state IN ('dead', 'queued')"),
    )
    op.create_table(
        "subject_keys",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("master_key", sa.SmallInteger(), nullable=False),
        sa.Column("wrapped", types.Sealed, nullable=False),
        sa.CheckConstraint("bucket >= 0 AND bucket < 4096", name="subject_keys_bucket"),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_table(
        "customer_values",
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
            "absence is null or absence in ('empty', 'refused')", name="customer_values_absence"
        ),
        sa.CheckConstraint(
            "evidence in ('declared', 'observed', 'inferred')", name="customer_values_evidence"
        ),
        sa.CheckConstraint("confidence >= 0 and confidence <= 100", name="customer_values_confidence"),
        sa.PrimaryKeyConstraint("identity_id", "field", "record_id"),
    )
    op.create_table(
        "identifiers",
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
            "state in ('resolving', 'contested', 'shared', 'blocked', 'retired')", name="identifiers_state"
        ),
        sa.PrimaryKeyConstraint("identity_id", "blind_index"),
    )
    op.create_index(
        "identifiers_not_resolving",
        "identifiers",
        ["blind_index"],
        unique=False,
        postgresql_where=sa.text("state != 'resolving'"),
        sqlite_where=sa.text("state != 'resolving'"),
    )
    op.create_index(
        "identifiers_resolving",
        "identifiers",
        ["blind_index"],
        unique=True,
        postgresql_where=sa.text("state = 'resolving'"),
        sqlite_where=sa.text("state = 'resolving'"),
    )
    op.create_index(
        "identifiers_resolving_next",
        "identifiers",
        ["blind_index_next"],
        unique=True,
        postgresql_where=sa.text("state = 'resolving'"),
        sqlite_where=sa.text("state = 'resolving'"),
    )
    op.create_table(
        "identities",
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
        sa.CheckConstraint("state in ('active', 'anonymous', 'erased')", name="identities_state"),
        sa.CheckConstraint("ownership_version >= 0", name="identities_ownership_version"),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_index(
        "identities_owned",
        "identities",
        ["owner_id"],
        unique=False,
        postgresql_where=sa.text("owner_id != identity_id"),
        sqlite_where=sa.text("owner_id != identity_id"),
    )
    op.create_table(
        "purchase_lines",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", types.BigInt, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("name", types.Sealed, nullable=True),
        sa.Column("returned_quantity", types.BigInt, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="purchase_lines_amount"),
        sa.CheckConstraint("quantity > 0", name="purchase_lines_quantity"),
        sa.CheckConstraint(
            "returned_quantity >= 0 and returned_quantity <= quantity", name="purchase_lines_returned"
        ),
        sa.PrimaryKeyConstraint("purchase_id", "line"),
    )
    op.create_table(
        "purchases",
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
        sa.CheckConstraint("amount_minor >= 0", name="purchases_amount"),
        sa.PrimaryKeyConstraint("purchase_id"),
        sa.UniqueConstraint("source", "order_id", name="purchases_order"),
    )
    op.create_index(
        "purchases_of_identity", "purchases", ["identity_id", "purchased_at", "purchase_id"], unique=False
    )
    op.create_table(
        "return_lines",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("quantity", types.BigInt, nullable=False),
        sa.Column("unit_from", types.BigInt, nullable=False),
        sa.Column("unit_to", types.BigInt, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="return_lines_amount"),
        sa.CheckConstraint(
            "unit_from >= 1 and unit_to - unit_from + 1 = quantity", name="return_lines_range"
        ),
        sa.PrimaryKeyConstraint("return_id", "line"),
        sa.UniqueConstraint("purchase_id", "line", "unit_to", name="return_lines_units"),
    )
    op.create_table(
        "returns",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("source_return_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("returned_at", types.Instant(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("content_hash", types.Sealed, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name="returns_amount"),
        sa.PrimaryKeyConstraint("return_id"),
        sa.UniqueConstraint("source", "source_return_id", name="returns_told"),
    )
    op.create_index(op.f("ix_returns_purchase_id"), "returns", ["purchase_id"], unique=False)
    op.create_table(
        "source_records",
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
    op.create_index(op.f("ix_source_records_identity_id"), "source_records", ["identity_id"], unique=False)
    for statement in (
        *triggers.frozen_columns_ddl("purchases", _PURCHASE_FACTS, dialect),
        *triggers.frozen_columns_ddl("purchase_lines", _LINE_FACTS, dialect),
        *triggers.append_only_ddl("returns", dialect),
        *triggers.append_only_ddl("return_lines", dialect),
    ):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

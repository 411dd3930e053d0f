"""First tables."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "0001"
down_revision = None


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
        "identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", types.BigInt, nullable=False),
        sa.Column("erased_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_index(op.f("ix_identity_owner_id"), "identity", ["owner_id"], unique=False)
    op.create_table(
        "customer_state",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("purchases", types.BigInt, nullable=False),
        sa.Column("days", types.BigInt, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("gap_sq", types.BigInt, nullable=False),
        sa.Column("gap_log", sa.Float(precision=53), nullable=False),
        sa.Column("currency", types.Id, nullable=True),
        sa.Column("currency_days", types.BigInt, nullable=False),
        sa.Column("gross_minor", types.BigInt, nullable=False),
        sa.Column("refund_minor", types.BigInt, nullable=False),
        sa.Column("first_day_net", types.BigInt, nullable=False),
        sa.Column("last_day_net", types.BigInt, nullable=False),
        sa.Column("net_sq", sa.Float(precision=53), nullable=False),
        sa.Column("other_currencies", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "day_rollup",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("purchases", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("gross_minor", types.BigInt, nullable=False),
        sa.Column("refund_minor", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "day", "currency"),
    )
    op.create_table(
        "fit",
        sa.Column("fit_id", types.Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("round_days", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", types.Instant(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.Column("version", types.BigInt, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint("status in ('queued', 'running', 'done', 'failed')", name="fit_status"),
        sa.PrimaryKeyConstraint("fit_id"),
    )
    op.create_index("fit_waiting", "fit", ["status", "fit_id"], unique=False)
    op.create_table(
        "model",
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("params", types.Json, nullable=False),
        sa.Column("log_likelihood", sa.Float(precision=53), nullable=True),
        sa.Column("n", types.BigInt, nullable=False),
        sa.Column("unique_rows", types.BigInt, nullable=False),
        sa.Column("preparation", sa.Text(), nullable=False),
        sa.Column("gates", types.Json, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=True),
        sa.CheckConstraint("status in ('published', 'proposed', 'rejected')", name="model_status"),
        sa.CheckConstraint("version > 0", name="model_version"),
        sa.PrimaryKeyConstraint("kind", "currency", "version"),
    )
    op.create_table(
        "purchase",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("purchase_id"),
    )
    op.create_index("purchase_identity_day", "purchase", ["identity_id", "day"], unique=False)
    op.create_table(
        "purchase_return",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("return_id"),
    )
    op.create_index(op.f("ix_purchase_return_identity_id"), "purchase_return", ["identity_id"], unique=False)
    op.create_index(op.f("ix_purchase_return_purchase_id"), "purchase_return", ["purchase_id"], unique=False)
    op.create_table(
        "score",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("label_sequence", types.BigInt, nullable=False),
        sa.Column("model_version", types.BigInt, nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("valid_until", types.Instant(), nullable=True),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "kind"),
    )
    op.create_index(op.f("ix_score_valid_until"), "score", ["valid_until"], unique=False)
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.CheckConstraint("shop_id = 1", name="shop_one"),
        sa.PrimaryKeyConstraint("shop_id"),
    )
    op.create_table(
        "sweep",
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("after_customer_id", types.Id, nullable=False),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kind"),
    )
    for statement in triggers.append_only_ddl("model", dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

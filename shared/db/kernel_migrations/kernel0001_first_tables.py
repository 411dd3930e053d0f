"""The tables that every service has."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0001"
down_revision = None
branch_labels = ("kernel",)


def upgrade() -> None:
    """Apply the change."""
    _consumer_position()
    _idempotency()
    _inbox()
    _job_state()
    _outbox()
    _set_aside()
    _stopped_partition()
    _subject_key()
    _verify()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _consumer_position() -> None:
    """Create the table of how far each consumer has read."""
    op.create_table(
        "consumer_position",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", types.BigInt, nullable=False),
        sa.Column("moved_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )


def _idempotency() -> None:
    """Create the table of answers that are kept for repeats of a request."""
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


def _inbox() -> None:
    """Create the table of events that were applied."""
    op.create_table(
        "inbox",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("event_id", types.Id, nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index("inbox_seen_at", "inbox", ["seen_at"], unique=False)


def _job_state() -> None:
    """Create the table of when each job ran."""
    op.create_table(
        "job_state",
        sa.Column("name", types.Id, nullable=False),
        sa.Column("ran_at", types.Instant(), nullable=False),
        sa.Column("effects", types.BigInt, nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _outbox() -> None:
    """Create the table of events that wait for the relay."""
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


def _set_aside() -> None:
    """Create the table of records that could not be applied."""
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
    op.create_index(
        "set_aside_place",
        "set_aside",
        ["consumer", "topic", "offset", "partition", "event_id"],
        unique=True,
        postgresql_where=sa.text("topic IS NOT NULL AND state != 'applied'"),
        sqlite_where=sa.text("topic IS NOT NULL AND state != 'applied'"),
    )
    op.create_index(
        "set_aside_unreadable_place",
        "set_aside",
        ["consumer", "topic", "offset", "partition"],
        unique=True,
        postgresql_where=sa.text("topic IS NOT NULL AND state != 'applied' AND event_id IS NULL"),
        sqlite_where=sa.text("topic IS NOT NULL AND state != 'applied' AND event_id IS NULL"),
    )


def _stopped_partition() -> None:
    """Create the table of partitions that stopped."""
    op.create_table(
        "stopped_partition",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("topic", types.Id, nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", types.BigInt, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("stopped_at", types.Instant(), nullable=False),
        sa.CheckConstraint("cause in ('brake', 'bug')", name="stopped_partition_cause"),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )


def _subject_key() -> None:
    """Create the table of wrapped keys, one per identity."""
    op.create_table(
        "subject_key",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("master_key", sa.SmallInteger(), nullable=False),
        sa.Column("wrapped", types.Sealed, nullable=False),
        sa.CheckConstraint("bucket >= 0 AND bucket < 4096", name="subject_key_bucket"),
        sa.PrimaryKeyConstraint("identity_id"),
    )


def _verify() -> None:
    """Create the tables of the running verification."""
    op.create_table(
        "verify_pass",
        sa.Column("name", types.Id, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("began_at", types.Instant(), nullable=False),
        sa.Column("looked_at", types.Instant(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "verify_finding",
        sa.Column("rule", types.Id, nullable=False),
        sa.Column("subject", types.Id, nullable=False),
        sa.Column("found_at", types.Instant(), nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject"),
    )

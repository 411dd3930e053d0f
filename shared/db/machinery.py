"""What the first migration of every service makes: the machinery's tables, as they were then.

A migration that has run is never changed, and so is nothing here: a later change of these tables is a new function,
called by a new revision of each service.
"""

import sqlalchemy as sa
from alembic import op

from shared.db import types


def first_tables() -> None:
    """Positions, inbox, what is set aside, outbox, kept answers, jobs and the keys of subjects."""
    _consumer_position()
    _idempotency()
    _inbox()
    _job_state()
    _outbox()
    _set_aside()
    _subject_keys()


def first_register() -> None:
    """The register of owners, for services that follow identities by it."""
    op.create_table(
        "identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("owner_id", types.Id, nullable=False),
        sa.Column("ownership_version", types.BigInt, nullable=False),
        sa.Column("erased_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.create_index(op.f("ix_identity_owner_id"), "identity", ["owner_id"], unique=False)


def watching_tables() -> None:
    """Where partitions stopped, and what the running verification found."""
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


def one_row_a_place() -> None:
    """A record of the bus is set aside once, however often it comes."""
    op.create_index(
        "set_aside_place",
        "set_aside",
        ["consumer", "topic", "offset", "partition", "event_id"],
        unique=True,
        postgresql_where=sa.text("topic IS NOT NULL AND state != 'applied'"),
        sqlite_where=sa.text("topic IS NOT NULL AND state != 'applied'"),
    )


def one_row_an_unreadable_place() -> None:
    """The same for a record that cannot be read: it has no event id, and two rows without one do not conflict."""
    op.execute(
        "DELETE FROM set_aside WHERE topic IS NOT NULL AND state != 'applied' AND event_id IS NULL AND id NOT IN ("
        "SELECT min(id) FROM set_aside WHERE topic IS NOT NULL AND state != 'applied' AND event_id IS NULL "
        'GROUP BY consumer, topic, "offset", "partition")'
    )
    op.create_index(
        "set_aside_unreadable_place",
        "set_aside",
        ["consumer", "topic", "offset", "partition"],
        unique=True,
        postgresql_where=sa.text("topic IS NOT NULL AND state != 'applied' AND event_id IS NULL"),
        sqlite_where=sa.text("topic IS NOT NULL AND state != 'applied' AND event_id IS NULL"),
    )


def _consumer_position() -> None:
    """How far each consumer has read."""
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
    """Answers kept for repeats of a request."""
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
    """Events that were applied."""
    op.create_table(
        "inbox",
        sa.Column("consumer", types.Id, nullable=False),
        sa.Column("event_id", types.Id, nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index(op.f("ix_inbox_seen_at"), "inbox", ["seen_at"], unique=False)


def _job_state() -> None:
    """When each job ran."""
    op.create_table(
        "job_state",
        sa.Column("name", types.Id, nullable=False),
        sa.Column("ran_at", types.Instant(), nullable=False),
        sa.Column("effects", types.BigInt, nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _outbox() -> None:
    """Events to be told."""
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
    """What could not be applied."""
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


def _subject_keys() -> None:
    """A wrapped key for each identity."""
    op.create_table(
        "subject_keys",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("master_key", sa.SmallInteger(), nullable=False),
        sa.Column("wrapped", types.Sealed, nullable=False),
        sa.CheckConstraint("bucket >= 0 AND bucket < 4096", name="subject_keys_bucket"),
        sa.PrimaryKeyConstraint("identity_id"),
    )

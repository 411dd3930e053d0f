"""First tables, the calendar that never sleeps, and the promise to answer within a day."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "feedback0001"
down_revision = None
branch_labels = ("feedback",)
depends_on = ("kernel", "identity")

FROZEN = {
    "complaint": ["id", "number", "identity_id", "contact_at", "received_at"],
    "message": ["id", "complaint_id", "kind", "occurred_at", "booked_at", "body_sealed"],
    "remedy": ["id", "complaint_id", "kind", "points", "amount_minor", "currency", "granted_at"],
}


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    _complaints()
    _rules()
    _orders()
    _follow_ups()
    _messages_and_transitions()
    _remedies()
    _clocks()
    _clock_events()
    for table in (
        "calendar",
        "follow_up",
        "order_fact",
        "order_return",
        "sla_event",
        "sla_policy",
        "transition",
    ):
        for statement in triggers.append_only_ddl(table, dialect):
            op.execute(statement)
    for table, columns in FROZEN.items():
        for statement in triggers.frozen_columns_ddl(table, columns, dialect):
            op.execute(statement)
    _seed()


def _complaints() -> None:
    """Create the table of complaints."""
    op.create_table(
        "complaint",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("number", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_by_id", types.Id, nullable=False),
        sa.Column("contact_at", types.Instant(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.Column("title_sealed", types.Sealed, nullable=False),
        sa.Column("body_sealed", types.Sealed, nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("problem_type", sa.Text(), nullable=True),
        sa.Column("order_source", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("store", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("review_level", sa.Integer(), nullable=False),
        sa.Column("escalation_level", sa.Integer(), nullable=False),
        sa.Column("duplicate_of", types.Id, nullable=True),
        sa.Column("follows", types.Id, nullable=True),
        sa.Column("closed_at", types.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="complaint_closed_at"),
        sa.CheckConstraint("(status = 'closed') = (outcome IS NOT NULL)", name="complaint_outcome"),
        sa.CheckConstraint(
            "cycle >= 1 AND review_level >= 0 AND escalation_level >= 0", name="complaint_levels"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("complaint_identity", "complaint", ["identity_id", "id"], unique=False)
    op.create_index("complaint_status", "complaint", ["status", "id"], unique=False)


def _rules() -> None:
    """Create the tables of policies and calendars."""
    op.create_table(
        "calendar",
        sa.Column("calendar_id", types.Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("week", types.Json, nullable=False),
        sa.Column("exceptions", types.Json, nullable=False),
        sa.Column("estimated_from", sa.Text(), nullable=True),
        sa.Column("effective_from", types.Instant(), nullable=False),
        sa.Column("apply_to_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("calendar_id", "version"),
    )
    op.create_table(
        "sla_policy",
        sa.Column("policy_id", types.Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("conditions", types.Json, nullable=False),
        sa.Column("targets", types.Json, nullable=False),
        sa.Column("effective_from", types.Instant(), nullable=False),
        sa.Column("apply_to_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", "version"),
    )


def _orders() -> None:
    """Create the tables of orders and their returns."""
    op.create_table(
        "order_fact",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("source", types.Id, nullable=False),
        sa.Column("order_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("purchase_id"),
        sa.UniqueConstraint("source", "order_id", name="order_fact_reference"),
    )
    op.create_index("order_fact_identity_id", "order_fact", ["identity_id"], unique=False)
    op.create_table(
        "order_return",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("return_id"),
    )
    op.create_index("order_return_identity_id", "order_return", ["identity_id"], unique=False)
    op.create_index("order_return_purchase_id", "order_return", ["purchase_id"], unique=False)


def _follow_ups() -> None:
    """Create the table of follow-ups."""
    op.create_table(
        "follow_up",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("note_sealed", types.Sealed, nullable=True),
        sa.Column("by", types.Id, nullable=False),
        sa.Column("done_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "result IN ('satisfied', 'partly', 'not_satisfied', 'unreached')", name="follow_up_result"
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complaint_id", "cycle", "attempt", name="follow_up_attempt"),
    )


def _messages_and_transitions() -> None:
    """Create the tables of messages and transitions."""
    op.create_table(
        "message",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author", types.Id, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("body_sealed", types.Sealed, nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("confirmed_by", types.Id, nullable=True),
        sa.Column("dedupe_key", types.Sealed, nullable=True),
        sa.CheckConstraint("delivery IN ('queued', 'sent', 'failed')", name="message_delivery"),
        sa.CheckConstraint("kind <> 'note' OR NOT visible", name="message_note_hidden"),
        sa.CheckConstraint("kind IN ('customer', 'agent', 'note', 'system', 'bot')", name="message_kind"),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complaint_id", "dedupe_key", name="message_dedupe"),
    )
    op.create_index("message_complaint", "message", ["complaint_id", "id"], unique=False)
    op.create_table(
        "transition",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor", types.Id, nullable=False),
        sa.Column("reason_sealed", types.Sealed, nullable=True),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("backdated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("transition_complaint", "transition", ["complaint_id", "id"], unique=False)


def _remedies() -> None:
    """Create the table of remedies."""
    op.create_table(
        "remedy",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("points", types.BigInt, nullable=True),
        sa.Column("amount_minor", types.BigInt, nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", types.Id, nullable=False),
        sa.Column("approved_by", types.Id, nullable=True),
        sa.Column("reason_sealed", types.Sealed, nullable=False),
        sa.Column("granted_at", types.Instant(), nullable=False),
        sa.Column("deadline_at", types.Instant(), nullable=False),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("loyalty_txn", types.Id, nullable=True),
        sa.Column("retry_of", types.Id, nullable=True),
        sa.CheckConstraint("(status = 'refused') = (refusal_code IS NOT NULL)", name="remedy_refusal"),
        sa.CheckConstraint("kind <> 'points' OR points > 0", name="remedy_points"),
        sa.CheckConstraint(
            "status IN ('proposed', 'granted', 'overdue', 'settled', 'refused', 'cancelled')",
            name="remedy_status",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("remedy_complaint_id", "remedy", ["complaint_id"], unique=False)
    op.create_index(
        "remedy_waiting",
        "remedy",
        ["deadline_at"],
        unique=False,
        postgresql_where=sa.text("status = 'granted'"),
        sqlite_where=sa.text("status = 'granted'"),
    )


def _clocks() -> None:
    """Create the table of clocks."""
    op.create_table(
        "sla_clock",
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("metric", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("policy_id", types.Id, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("calendar_id", types.Id, nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("target_seconds", types.BigInt, nullable=False),
        sa.Column("started_at", types.Instant(), nullable=False),
        sa.Column("pauses", types.Json, nullable=False),
        sa.Column("due_at", types.Instant(), nullable=True),
        sa.Column("paused_since", types.Instant(), nullable=True),
        sa.Column("next_fire_at", types.Instant(), nullable=True),
        sa.Column("fulfilled_at", types.Instant(), nullable=True),
        sa.Column("fulfilled_how", sa.Text(), nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('running', 'met', 'breached', 'cancelled')", name="sla_clock_verdict"
        ),
        sa.PrimaryKeyConstraint("complaint_id", "metric", "cycle", "ordinal"),
    )
    op.create_index(
        "sla_clock_next_fire",
        "sla_clock",
        ["next_fire_at"],
        unique=False,
        postgresql_where=sa.text("next_fire_at IS NOT NULL"),
        sqlite_where=sa.text("next_fire_at IS NOT NULL"),
    )


def _clock_events() -> None:
    """Create the table of notices about clocks."""
    op.create_table(
        "sla_event",
        sa.Column("complaint_id", types.Id, nullable=False),
        sa.Column("metric", types.Id, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("detected_at", types.Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy_id", types.Id, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("calendar_id", types.Id, nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("due_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('warned', 'breached', 'breach_withdrawn', 'retargeted', 'escalated')",
            name="sla_event_kind",
        ),
        sa.PrimaryKeyConstraint("complaint_id", "metric", "cycle", "ordinal", "kind", "level"),
    )


def _seed() -> None:
    """Store the promise that holds until the shop makes its own: a first response within 24 hours on every day."""
    always = sa.table(
        "calendar",
        sa.column("calendar_id", types.Id),
        sa.column("version", sa.Integer()),
        sa.column("zone", sa.Text()),
        sa.column("week", types.Json),
        sa.column("exceptions", types.Json),
        sa.column("effective_from", types.Instant()),
        sa.column("apply_to_open", sa.Boolean()),
    )
    default = sa.table(
        "sla_policy",
        sa.column("policy_id", types.Id),
        sa.column("version", sa.Integer()),
        sa.column("position", sa.Integer()),
        sa.column("conditions", types.Json),
        sa.column("targets", types.Json),
        sa.column("effective_from", types.Instant()),
        sa.column("apply_to_open", sa.Boolean()),
    )
    since = datetime(1970, 1, 1, tzinfo=UTC)
    calendar = {
        "calendar_id": "24x7",
        "version": 1,
        "zone": "UTC",
        "week": [[{"opens": 0, "closes": 86_400}]] * 7,
        "exceptions": [],
    }
    op.bulk_insert(always, [calendar | {"effective_from": since, "apply_to_open": False}])
    day = {"seconds": 86_400, "calendar_id": "24x7", "warn": [], "levels": []}
    policy = {
        "policy_id": "default",
        "version": 1,
        "position": 1_000,
        "conditions": {"everything": True, "accepted": {}},
        "targets": {"first_response": day},
    }
    op.bulk_insert(default, [policy | {"effective_from": since, "apply_to_open": False}])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

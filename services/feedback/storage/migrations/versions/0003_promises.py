"""Rules reach open complaints when they take over, every answer is promised, and a remedy is tried again once."""

import sqlalchemy as sa
from alembic import op

from shared.clock import SystemClock
from shared.db import triggers, types

revision = "feedback0003"
down_revision = "feedback0002"

DAY = {"seconds": 86_400, "calendar_id": "24x7", "warn": [], "levels": []}
FIRST = {"first_response": DAY}
EVERY = {"first_response": DAY, "next_response": DAY}
UPDATE_TRIGGER = "sla_policy_append_only_update"


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "complaint", sa.Column("rules_applied", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    _partial_index("complaint_rules_applied", "complaint", "rules_applied", "status != 'closed'")
    _partial_index("complaint_follows", "complaint", "follows", "follows IS NOT NULL")
    _partial_index("complaint_duplicate_of", "complaint", "duplicate_of", "duplicate_of IS NOT NULL")
    _retries()
    op.create_index("remedy_requested_by", "remedy", ["requested_by", "granted_at"], unique=False)
    op.create_table(
        "remedy_granter",
        sa.Column("operator_id", types.Id, nullable=False),
        sa.PrimaryKeyConstraint("operator_id"),
    )
    _promise_every_answer()


def _partial_index(name: str, table: str, column: str, where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], unique=unique, postgresql_where=condition, sqlite_where=condition)


def _retries() -> None:
    """Let one remedy try a refused one again. Where several did, the later ones stay without saying what they retry."""
    op.execute(
        "UPDATE remedy SET retry_of = NULL WHERE EXISTS (SELECT 1 FROM remedy AS earlier "
        "WHERE earlier.retry_of = remedy.retry_of AND earlier.id < remedy.id)"
    )
    _partial_index("remedy_retry_of", "remedy", "retry_of", "retry_of IS NOT NULL", unique=True)


def _promise_every_answer() -> None:
    """Promise an answer to every message within a day, where the first promise is the only one that was ever made.

    A shop without complaints has this promise from the start. Elsewhere it holds from now on, also for open complaints.
    """
    connection = op.get_bind()
    policy = sa.table(
        "sla_policy",
        sa.column("policy_id", types.Id),
        sa.column("version", sa.Integer()),
        sa.column("position", sa.Integer()),
        sa.column("conditions", types.Json),
        sa.column("targets", types.Json),
        sa.column("effective_from", types.Instant()),
        sa.column("apply_to_open", sa.Boolean()),
    )
    versions = connection.execute(sa.select(policy)).all()
    if [(row.policy_id, row.version, row.targets) for row in versions] != [("default", 1, FIRST)]:
        return
    if connection.scalar(sa.text("SELECT count(*) FROM complaint")) == 0:
        _without_guard(sa.update(policy).values(targets=EVERY))
        return
    (first,) = versions
    op.bulk_insert(
        policy,
        [
            {
                "policy_id": first.policy_id,
                "version": 2,
                "position": first.position,
                "conditions": first.conditions,
                "targets": EVERY,
                "effective_from": SystemClock().now(),
                "apply_to_open": True,
            }
        ],
    )


def _without_guard(statement: sa.Update) -> None:
    """Change a version that nobody was promised anything by, past the trigger that keeps versions as they are."""
    dialect = op.get_bind().dialect.name
    op.execute(f"DROP TRIGGER {UPDATE_TRIGGER}" + ("" if dialect == "sqlite" else " ON sla_policy"))
    op.execute(statement)
    for ddl in triggers.append_only_ddl("sla_policy", dialect):
        if f" {UPDATE_TRIGGER} " in ddl:
            op.execute(ddl)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Members complete goals, and rulebooks tell which goals they have."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0012"
down_revision = "loyalty0011"

RULEBOOK_FACTS = (
    *(
        "programme_id",
        "version",
        "in_force_from",
        "document",
        "hash",
        "published_by",
        "published_at",
        "goals",
    ),
)
COMPLETION_FACTS = (
    *("id", "wallet_id", "goal", "rulebook", "period_from", "number", "count", "lot_id"),
    *("cause_kind", "cause_id", "occurred_at", "booked_at"),
)


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.add_column("rulebook", sa.Column("goals", types.Json, nullable=True))
    of_table = " ON rulebook" if dialect == "postgresql" else ""
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if of_table else [])):
        op.execute(f"DROP TRIGGER rulebook_{rule}{of_table}")
    for statement in triggers.frozen_columns_ddl("rulebook", RULEBOOK_FACTS, dialect, once=("withdrawn_at",)):
        op.execute(statement)
    op.create_table(
        "completion",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("goal", types.Id, nullable=False),
        sa.Column("rulebook", types.BigInt, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("number", types.BigInt, nullable=False),
        sa.Column("count", types.BigInt, nullable=False),
        sa.Column("reversed", types.BigInt, nullable=False),
        sa.Column("lot_id", types.BigInt, nullable=False),
        sa.Column("cause_kind", sa.SmallInteger(), nullable=False),
        sa.Column("cause_id", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("number > 0 and count > 0", name="completion_counts"),
        sa.CheckConstraint("reversed >= 0 and reversed <= count", name="completion_reversed"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "cause_kind", "cause_id", "wallet_id", "goal", "period_from", name="completion_once"
        ),
    )
    op.create_index("completion_goal", "completion", ["wallet_id", "goal", "period_from"])
    for statement in triggers.frozen_columns_ddl("completion", COMPLETION_FACTS, dialect):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

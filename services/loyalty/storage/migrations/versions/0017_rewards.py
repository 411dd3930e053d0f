"""Members claim rewards for their points."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0017"
down_revision = "loyalty0016"

CLAIM_FACTS = (
    *("id", "key", "wallet_id", "identity_id", "issuer", "reward", "version", "tier", "points"),
    *("occurred_at", "booked_at"),
)
CLAIM_CHANGES = ("fulfilled_at", "ended_as", "ended_at", "restocked")


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    _catalogue(dialect)
    _claims(dialect)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _catalogue(dialect: str) -> None:
    op.create_table(
        "reward",
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("reward_updated", "reward", ["updated_at", "code"])
    op.create_table(
        "reward_version",
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("changed_by", types.Id, nullable=False),
        sa.Column("changed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", "version"),
    )
    for statement in triggers.append_only_ddl("reward_version", dialect):
        op.execute(statement)


def _claims(dialect: str) -> None:
    op.create_table(
        "reward_claim",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("reward", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("tier", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("fulfilled_at", types.Instant(), nullable=True),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("restocked", sa.Boolean(), nullable=True),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.CheckConstraint("points > 0", name="reward_claim_points"),
        sa.CheckConstraint(
            "(ended_as is null and ended_at is null and restocked is null) or (ended_at is not null and restocked is not null "
            "and ((ended_as = 'cancelled' and fulfilled_at is null) or (ended_as = 'returned' and fulfilled_at is not null)))",
            name="reward_claim_end",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("reward_claim_claimed", "reward_claim", ["occurred_at", "id"])
    op.create_index("reward_claim_updated", "reward_claim", ["updated_at", "id"])
    op.create_index("reward_claim_wallet", "reward_claim", ["wallet_id", "occurred_at", "id"])
    op.create_index("reward_claim_reward", "reward_claim", ["reward", "occurred_at", "id"])
    op.create_index("reward_claim_issuer", "reward_claim", ["issuer", "occurred_at", "id"])
    for statement in triggers.frozen_columns_ddl("reward_claim", CLAIM_FACTS, dialect, once=CLAIM_CHANGES):
        op.execute(statement)

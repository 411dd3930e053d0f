"""Members are told ahead that points expire: the notices, and the index by which points that expire soon are found."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0023"
down_revision = "loyalty0022"


def upgrade() -> None:
    """Apply the change."""
    expires = sa.text("remaining > 0 and expires_at is not null")
    op.create_index("lot_expires_at", "lot", ["expires_at"], postgresql_where=expires, sqlite_where=expires)
    op.create_table(
        "notice",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("lead_days", types.BigInt, nullable=False),
        sa.Column("from_at", types.Instant(), nullable=False),
        sa.Column("until_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint("points > 0", name="notice_points"),
        sa.CheckConstraint("from_at < expires_at and expires_at <= until_at", name="notice_bounds"),
        sa.CheckConstraint("booked_at < expires_at", name="notice_ahead"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("wallet_id", "kind", "lead_days", "from_at", name="notice_key"),
    )
    for statement in triggers.append_only_ddl("notice", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

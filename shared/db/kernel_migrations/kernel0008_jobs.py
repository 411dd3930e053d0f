"""Jobs: long work that callers ask for."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0008"
down_revision = "kernel0007"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "job",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("operation", types.Id, nullable=False),
        sa.Column("principal", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parameters", types.Sealed, nullable=False),
        sa.Column("input_key", types.Id, nullable=True),
        sa.Column("cursor", types.Id, nullable=False),
        sa.Column("fence", types.BigInt, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", types.Instant(), nullable=False),
        sa.Column("total", types.BigInt, nullable=True),
        sa.Column("done", types.BigInt, nullable=False),
        sa.Column("failed", types.BigInt, nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("failed_from", types.BigInt, nullable=True),
        sa.Column("failed_to", types.BigInt, nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.Column("expires_at", types.Instant(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'cancelled')", name="job_state_known"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("state IN ('queued', 'running')")
    op.create_index(
        "job_waiting", "job", ["lease_until", "fence", "id"], postgresql_where=is_open, sqlite_where=is_open
    )
    op.create_index("job_of_principal", "job", ["principal", "id"])
    has_ended = sa.text("expires_at IS NOT NULL")
    op.create_index("job_expires", "job", ["expires_at"], postgresql_where=has_ended, sqlite_where=has_ended)
    op.create_table(
        "job_piece",
        sa.Column("job_id", types.Id, nullable=False),
        sa.Column("way", types.Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", types.Sealed, nullable=False),
        sa.CheckConstraint("way in ('in', 'out')", name="job_piece_way"),
        sa.PrimaryKeyConstraint("job_id", "way", "number"),
    )
    op.create_table(
        "job_error",
        sa.Column("job_id", types.Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("row", types.BigInt, nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", types.Sealed, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

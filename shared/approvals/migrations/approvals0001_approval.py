"""The table of approvals."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "approvals0001"
down_revision = None
branch_labels = ("approvals",)

PROPOSED = (
    "id", "operation", "key", "customer_id", "identity_id", "content", "reason", "proposed_by", "proposed_at", "expires_at",
)  # fmt: skip
DECIDED = ("decided_by", "decided_at", "decision", "created", "refusal")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "approval",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", types.Sealed, nullable=False),
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("content", types.Sealed, nullable=False),
        sa.Column("reason", types.Sealed, nullable=False),
        sa.Column("proposed_by", types.Id, nullable=False),
        sa.Column("proposed_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", types.Id, nullable=True),
        sa.Column("decided_at", types.Instant(), nullable=True),
        sa.Column("decision", types.Sealed, nullable=True),
        sa.Column("created", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('proposed', 'approved', 'rejected', 'expired', 'withdrawn', 'failed')",
            name="approval_state",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("approval_in_state", "approval", ["state", "id"], unique=False)
    op.create_index("approval_of_proposer", "approval", ["proposed_by", "state"], unique=False)
    for statement in triggers.frozen_columns_ddl(
        "approval", PROPOSED, op.get_bind().dialect.name, once=DECIDED
    ):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

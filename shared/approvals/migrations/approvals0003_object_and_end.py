"""Approvals name what they change, and are deleted a time after they were decided."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "approvals0003"
down_revision = "approvals0002"

PROPOSED = (
    "id", "operation", "key", "object_id", "customer_id", "identity_id", "content", "reason", "proposed_by", "proposed_at",
    "expires_at",
)  # fmt: skip
DECIDED = ("decided_by", "decided_at", "decision", "created", "refusal")


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.add_column("approval", sa.Column("object_id", types.Id, nullable=True))
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if dialect == "postgresql" else [])):
        op.execute(f"DROP TRIGGER approval_{rule}" + (" ON approval" if dialect == "postgresql" else ""))
    op.create_index("approval_of_object", "approval", ["object_id", "id"], unique=False)
    for statement in triggers.frozen_columns_ddl(
        "approval", PROPOSED, dialect, once=DECIDED, kept_while="old.state = 'proposed'"
    ):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The audit trail of operators."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "kernel0006"
down_revision = "kernel0005"

DAYS_MIN = 30


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "audit",
        sa.Column("id", types.Id, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("operator", types.Id, nullable=False),
        sa.Column("name", types.Sealed, nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("operation", types.Id, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("customer_id", types.Id, nullable=True),
        sa.Column("identity_id", types.Id, nullable=True),
        sa.Column("objects", types.Json, nullable=False),
        sa.Column("reason", types.Sealed, nullable=True),
        sa.Column("changes", types.Json, nullable=False),
        sa.CheckConstraint("kind in ('act', 'read')", name="audit_kind"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_at", "audit", ["at"], unique=False)
    op.create_index("audit_of_customer", "audit", ["customer_id", "id"], unique=False)
    op.create_index("audit_of_operator", "audit", ["operator", "id"], unique=False)
    op.create_table(
        "audit_customer",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("audit_id", types.Id, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "audit_id"),
    )
    op.create_index("audit_customer_at", "audit_customer", ["at"], unique=False)
    for table in ("audit", "audit_customer"):
        for statement in triggers.kept_for_ddl(table, DAYS_MIN, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

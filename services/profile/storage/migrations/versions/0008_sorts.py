"""Lists are sorted by instants, and an identity knows when it last changed: those that are stored, when they were booked."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "profile0008"
down_revision = "profile0007"

INDEXES = {
    "purchase_recorded": ("purchase", ["booked_at", "purchase_id"]),
    "purchase_purchased": ("purchase", ["purchased_at", "purchase_id"]),
    "purchase_return_recorded": ("purchase_return", ["booked_at", "return_id"]),
    "purchase_return_returned": ("purchase_return", ["returned_at", "return_id"]),
    "identity_created": ("identity", ["created_at", "identity_id"]),
    "identity_updated": ("identity", ["updated_at", "identity_id"]),
}


def upgrade() -> None:
    """Apply the change."""
    default = sa.text("'1970-01-01 00:00:00+00'")
    op.add_column(
        "identity", sa.Column("updated_at", types.Instant(), server_default=default, nullable=False)
    )
    op.execute("UPDATE identity SET updated_at = booked_at")
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

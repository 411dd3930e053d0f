"""Holds keep the discounts and the shipping of their carts."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "loyalty0016"
down_revision = "loyalty0015"


def upgrade() -> None:
    """Apply the change."""
    op.add_column("held_cart", sa.Column("shipping_minor", types.BigInt, nullable=True))
    op.add_column("held_cart", sa.Column("discounts", types.Json, nullable=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Versions of an identity have 64 bits: after an accepted loss they go on from the microseconds since 1970."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "profile0005"
down_revision = "profile0004"


def upgrade() -> None:
    """Apply the change. SQLite's integers are wide already."""
    if op.get_bind().dialect.name == "postgresql":
        for version in ("ownership_version", "record_version"):
            op.alter_column("identity", version, existing_type=sa.Integer(), type_=types.BigInt)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

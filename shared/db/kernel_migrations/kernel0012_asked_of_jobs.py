"""Jobs show what was asked, and count their items by outcome."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "kernel0012"
down_revision = "kernel0011"


def upgrade() -> None:
    """Apply the change. Jobs of earlier versions show no parameters, which are sealed, and no outcomes."""
    for name in ("asked", "outcomes"):
        op.add_column("job", sa.Column(name, types.Json, server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

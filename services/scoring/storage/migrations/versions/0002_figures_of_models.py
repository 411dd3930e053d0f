"""Keep the numbers behind the gates of a model."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "scoring0002"
down_revision = "scoring0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("model", sa.Column("figures", types.Json, nullable=True))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

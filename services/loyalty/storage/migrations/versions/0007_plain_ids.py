"""Ids show no numbers any more. Those that were shown stay addresses of redemptions and adjustments."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "loyalty0007"
down_revision = "loyalty0006"

_SHOWN = """
INSERT INTO plain_id (end_number)
SELECT max(id) + 1 FROM (SELECT id FROM redemption UNION ALL SELECT id FROM adjustment) AS shown
HAVING max(id) IS NOT NULL
"""


def upgrade() -> None:
    """Apply the change. A database without redemptions and adjustments has no row."""
    op.create_table(
        "plain_id",
        sa.Column("end_number", types.BigInt, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("end_number"),
    )
    op.execute(_SHOWN)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Fits are done by jobs."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "scoring0004"
down_revision = "scoring0003"
depends_on = "kernel0012"


def upgrade() -> None:
    """Apply the change. A fit that has not ended has no job: it ends as cut off, and is asked for again."""
    op.execute("UPDATE fit SET status = 'failed', failure = 'cut_off' WHERE status IN ('queued', 'running')")
    op.drop_column("fit", "attempts")
    op.add_column("fit", sa.Column("job_id", types.Id, nullable=True))
    op.create_index("fit_of_job", "fit", ["job_id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

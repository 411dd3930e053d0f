"""External ids of the identities that are stored are told to other services once: their version is 0 until then.

No event has told a version of an identity before, so those that an accepted loss had raised may begin anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "profile0006"
down_revision = "profile0005"


def upgrade() -> None:
    """Apply the change."""
    op.execute("update identity set record_version = 0 where record_version <> 0")
    op.create_index(
        "identity_untold",
        "identity",
        ["identity_id"],
        postgresql_where=sa.text("record_version = 0"),
        sqlite_where=sa.text("record_version = 0"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

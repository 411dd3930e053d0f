"""Where partitions stopped, and what the running verification found."""

from shared.db import machinery

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the change."""
    machinery.watching_tables()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

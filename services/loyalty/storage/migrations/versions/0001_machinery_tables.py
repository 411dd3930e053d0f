"""The tables of the machinery."""

from shared.db import machinery

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the change."""
    machinery.first_tables()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The tables of the machinery, and the register of owners."""

from shared.db import machinery

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the change."""
    machinery.first_tables()
    machinery.first_register()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

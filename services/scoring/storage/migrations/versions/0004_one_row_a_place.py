"""A record of the bus is set aside once, however often it comes."""

from shared.db import machinery

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the change."""
    machinery.one_row_a_place()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

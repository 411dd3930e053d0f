"""A record that cannot be read is set aside once, whoever has its partition."""

from shared.db import machinery

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply the change."""
    machinery.one_row_an_unreadable_place()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

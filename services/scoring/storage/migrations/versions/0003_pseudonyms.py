"""The names of operators are kept as pseudonyms."""

from shared.vault.upgrading import conceal

revision = "scoring0003"
down_revision = "scoring0002"
depends_on = "kernel0002"


def upgrade() -> None:
    """Apply the change."""
    conceal("fit", "requested_by", kind="operator:")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

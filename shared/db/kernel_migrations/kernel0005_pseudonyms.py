"""The names of operators are kept as pseudonyms."""

from shared.vault.upgrading import conceal

revision = "kernel0005"
down_revision = "kernel0004"


def upgrade() -> None:
    """Apply the change."""
    conceal("idempotency", "principal", kind="operator:")
    conceal("set_aside", "ended_by", kind="operator:")
    conceal("allowed_batch", "allowed_by", kind="operator:")


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

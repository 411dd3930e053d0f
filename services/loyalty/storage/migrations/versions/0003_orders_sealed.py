"""The order that a redemption names is sealed, and found by its keyed hash. Operators are kept as pseudonyms."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types
from shared.vault.upgrading import conceal, pages, subject_keys, vault_of_upgrade

revision = "loyalty0003"
down_revision = "loyalty0002"
depends_on = "kernel0002"

REDEMPTION = sa.table(
    "redemption",
    sa.column("id", types.BigInt),
    sa.column("wallet_id", types.BigInt),
    sa.column("identity_id", types.Id),
    sa.column("issuer", types.Id),
    sa.column("source", types.Id),
    sa.column("order_id", types.Id),
    sa.column("order_token", types.Sealed),
    sa.column("order_sealed", types.Sealed),
)
WALLET = sa.table("wallet", sa.column("id", types.BigInt), sa.column("erased_at", types.Instant()))


def upgrade() -> None:
    """Apply the change."""
    op.add_column("redemption", sa.Column("order_token", types.Sealed, nullable=True))
    op.add_column("redemption", sa.Column("order_sealed", types.Sealed, nullable=True))
    with triggers.unguarded(op.get_bind(), "redemption"):
        _seal_orders()
    op.drop_index("redemption_order", table_name="redemption")
    for column in ("issuer", "source", "order_id"):
        op.drop_column("redemption", column)
    of_an_order = sa.text("order_token IS NOT NULL")
    op.create_index(
        "redemption_order",
        "redemption",
        ["order_token"],
        postgresql_where=of_an_order,
        sqlite_where=of_an_order,
    )
    with triggers.unguarded(op.get_bind(), "adjustment"):
        conceal("adjustment", "actor", kind="operator:")


def _seal_orders() -> None:
    """Seal the orders under the keys of their members. Of an erased member only the keyed hash stays."""
    c = REDEMPTION.c
    rows = (
        sa.select(c.id, c.identity_id, c.issuer, c.source, c.order_id, WALLET.c.erased_at)
        .outerjoin(WALLET, WALLET.c.id == c.wallet_id)
        .where(c.order_id.is_not(None))
    )
    for page in pages(rows):
        vault = vault_of_upgrade()
        keys = subject_keys([row.identity_id for row in page if row.erased_at is None], mint=True)
        for row in page:
            order = "\x1f".join((row.issuer, row.source, row.order_id))
            sealed = None
            if row.identity_id in keys:
                sealed = keys.seal(row.identity_id, "redemption.order", order)
            token = vault.digest("redemption.order", order.encode())
            op.execute(
                sa.update(REDEMPTION).where(c.id == row.id).values(order_token=token, order_sealed=sealed)
            )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Orders are looked up within their issuer; a purchase is unique by its own id.

Purchases and redemptions that are stored count as the shop's, because their issuer was never told.
"""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0002"
down_revision = "loyalty0001"


def upgrade() -> None:
    """Apply the change."""
    for table in ("purchase", "redemption"):
        op.add_column(table, sa.Column("issuer", types.Id, server_default="shop", nullable=False))
    with op.batch_alter_table("purchase") as purchase:
        purchase.drop_constraint("purchase_order", type_="unique")
    op.create_index("purchase_order", "purchase", ["order_id", "source", "issuer"])
    if op.get_bind().dialect.name == "sqlite":  # the table was copied, and triggers are not
        for statement in triggers.append_only_ddl("purchase", "sqlite"):
            op.execute(statement)
    op.drop_index("redemption_order", table_name="redemption")
    of_an_order = sa.text("order_id IS NOT NULL")
    op.create_index(
        "redemption_order",
        "redemption",
        ["order_id", "source", "issuer"],
        postgresql_where=of_an_order,
        sqlite_where=of_an_order,
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

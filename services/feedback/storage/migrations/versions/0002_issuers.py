"""Orders are looked up within their issuer, and the identities that partners brought are known.

The issuer of an order that is stored is unknown: until it is told, it is that of the order's identity.
"""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "feedback0002"
down_revision = "feedback0001"


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    op.create_table(
        "brought_identity",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.PrimaryKeyConstraint("identity_id"),
    )
    op.add_column("order_fact", sa.Column("issuer", types.Id, nullable=True))
    with op.batch_alter_table("order_fact") as order_fact:
        order_fact.drop_constraint("order_fact_reference", type_="unique")
    op.create_index("order_fact_reference", "order_fact", ["source", "order_id"])
    statements = triggers.append_only_ddl("brought_identity", dialect)
    if dialect == "sqlite":  # the table was copied, and triggers are not
        statements += triggers.append_only_ddl("order_fact", dialect)
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""Values of customers have the issuer that gave them: those that are stored have that of their identity."""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "profile0003"
down_revision = "profile0002"


def upgrade() -> None:
    """Apply the change."""
    op.add_column("customer_value", sa.Column("issuer", types.Id, nullable=True))
    op.execute(
        "UPDATE customer_value SET issuer = "
        "(SELECT issuer FROM identity WHERE identity.identity_id = customer_value.identity_id)"
    )
    with op.batch_alter_table("customer_value") as customer_value:
        customer_value.alter_column("issuer", existing_type=types.Id, nullable=False)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""The rows of one partner are read in the order of a list by one index, which has none of the shop's rows."""

import sqlalchemy as sa
from alembic import op

revision = "profile0009"
down_revision = "profile0008"

INDEXES = {
    "purchase_of_partner": ("purchase", ["issuer", "booked_at", "purchase_id"]),
    "purchase_return_of_partner": ("purchase_return", ["issuer", "booked_at", "return_id"]),
    "identity_of_partner": ("identity", ["issuer", "identity_id"]),
    "identity_of_partner_updated": ("identity", ["issuer", "updated_at", "identity_id"]),
}


def upgrade() -> None:
    """Apply the change."""
    partners = sa.text("issuer != 'shop'")
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns, postgresql_where=partners, sqlite_where=partners)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

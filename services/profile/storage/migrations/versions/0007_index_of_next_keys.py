"""The index of the next blind keys holds only identifiers that have one."""

import sqlalchemy as sa
from alembic import op

revision = "profile0007"
down_revision = "profile0006"

_NAME = "identifier_resolving_next"
_WHERE = sa.text("state = 'resolving' AND blind_index_next IS NOT NULL")


def upgrade() -> None:
    """Apply the change."""
    op.drop_index(_NAME, table_name="identifier")
    op.create_index(
        _NAME,
        "identifier",
        ["blind_index_next", "issuer"],
        unique=True,
        postgresql_where=_WHERE,
        sqlite_where=_WHERE,
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

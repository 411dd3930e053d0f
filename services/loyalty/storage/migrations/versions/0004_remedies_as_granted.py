"""The programme of an installation pays every remedy that operators may grant; it had refused those above 10,000 points."""

import sqlalchemy as sa
from alembic import op

revision = "loyalty0004"
down_revision = "loyalty0003"
depends_on = None

PROGRAMME = sa.table("programme", sa.column("document", sa.Text))
OLD, NEW = '"remedy_points_max":10000,', '"remedy_points_max":1000000000,'


def upgrade() -> None:
    """Apply the change."""
    op.execute(PROGRAMME.update().values(document=sa.func.replace(PROGRAMME.c.document, OLD, NEW)))

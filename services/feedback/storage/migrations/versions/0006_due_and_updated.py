"""A complaint knows when a promise is due that is not kept yet, and when it last changed. Lists are sorted by both.

The last change of a complaint that is stored is its last transition or message, or else its opening.
"""

import sqlalchemy as sa
from alembic import op

from shared.db import types

revision = "feedback0006"
down_revision = "feedback0005"

_NOTHING_DUE = {"postgresql": "'9999-12-31 00:00:00+00'::timestamptz", "sqlite": "253402214400000000"}
_FILL = """
UPDATE complaint SET
  due_at = coalesce((
    SELECT min(sla_clock.due_at) FROM sla_clock
    WHERE sla_clock.complaint_id = complaint.id
      AND sla_clock.fulfilled_at IS NULL AND sla_clock.cancelled_reason IS NULL), {nothing_due}),
  updated_at = (
    SELECT max(change.booked_at) FROM (
      SELECT complaint.received_at AS booked_at
      UNION ALL SELECT booked_at FROM transition WHERE transition.complaint_id = complaint.id
      UNION ALL SELECT booked_at FROM message WHERE message.complaint_id = complaint.id) AS change)
"""


def upgrade() -> None:
    """Apply the change."""
    default = sa.text("'1970-01-01 00:00:00+00'")
    for name in ("due_at", "updated_at"):
        op.add_column("complaint", sa.Column(name, types.Instant(), server_default=default, nullable=False))
    op.execute(_FILL.format(nothing_due=_NOTHING_DUE[op.get_bind().dialect.name]))
    for name, column in (("received", "received_at"), ("updated", "updated_at"), ("due", "due_at")):
        op.create_index(f"complaint_{name}", "complaint", [column, "id"])


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

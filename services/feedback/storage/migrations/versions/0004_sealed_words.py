"""The order that a complaint names and the method of a follow-up are sealed. Operators are kept as pseudonyms."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types
from shared.vault.upgrading import conceal, pages, subject_keys

revision = "feedback0004"
down_revision = "feedback0003"
depends_on = "kernel0002"

COMPLAINT = sa.table(
    "complaint",
    sa.column("id", types.Id),
    sa.column("identity_id", types.Id),
    sa.column("order_source", sa.Text()),
    sa.column("order_id", sa.Text()),
    sa.column("order_sealed", types.Sealed),
)
FOLLOW_UP = sa.table(
    "follow_up",
    sa.column("id", types.Id),
    sa.column("complaint_id", types.Id),
    sa.column("method", sa.Text()),
    sa.column("method_sealed", types.Sealed),
)
OF_OPERATOR = "actor_kind IN ('agent', 'manager')"
NO_CUSTOMER = "author NOT LIKE 'cus^_%' ESCAPE '^' AND kind <> 'system'"


def upgrade() -> None:
    """Apply the change. Words of customers that were erased are given up."""
    connection = op.get_bind()
    op.add_column("complaint", sa.Column("order_sealed", types.Sealed, nullable=True))
    op.add_column("follow_up", sa.Column("method_sealed", types.Sealed, nullable=True))
    _seal_orders()
    with triggers.unguarded(connection, "follow_up"):
        _seal_methods()
        conceal("follow_up", '"by"')
    for table, column in (("complaint", "order_source"), ("complaint", "order_id"), ("follow_up", "method")):
        op.drop_column(table, column)
    conceal("complaint", "opened_by_id", where="opened_by = 'agent'")
    conceal("complaint", "owner")
    conceal("message", "author", where=NO_CUSTOMER)
    conceal("message", "confirmed_by")
    with triggers.unguarded(connection, "transition"):
        conceal("transition", "actor", where=OF_OPERATOR)
    conceal("remedy", "requested_by")
    conceal("remedy", "approved_by")
    conceal("remedy_granter", "operator_id")


def _seal_orders() -> None:
    c = COMPLAINT.c
    for page in pages(
        sa.select(c.id, c.identity_id, c.order_source, c.order_id).where(c.order_id.is_not(None))
    ):
        keys = subject_keys((row.identity_id for row in page), mint=False)
        for row in page:
            if row.identity_id in keys:
                order = f"{row.order_source}\x1f{row.order_id}"
                sealed = keys.seal(row.identity_id, f"complaint.order/{row.id}", order)
                op.execute(sa.update(COMPLAINT).where(c.id == row.id).values(order_sealed=sealed))


def _seal_methods() -> None:
    c = FOLLOW_UP.c
    for page in pages(
        sa.select(c.id, c.method, COMPLAINT.c.identity_id).join(COMPLAINT, COMPLAINT.c.id == c.complaint_id)
    ):
        keys = subject_keys((row.identity_id for row in page), mint=False)
        for row in page:
            if row.identity_id in keys:
                sealed = keys.seal(row.identity_id, f"follow_up.method/{row.id}", row.method)
                op.execute(sa.update(FOLLOW_UP).where(c.id == row.id).values(method_sealed=sealed))


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""A purchase may have no customer: it is anonymous until somebody claims it. Those that are stored have theirs."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "profile0004"
down_revision = "profile0003"

_FACTS = (
    "purchase_id",
    "source",
    "order_id",
    "issuer",
    "purchased_at",
    "currency",
    "amount_minor",
    "content_hash",
    "booked_at",
)
_SET_ONCE = ("identity_id", "customer_id", "claimed_at")


def upgrade() -> None:
    """Apply the change."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        for rule in ("frozen_update", "kept_delete", "kept_truncate"):
            op.execute(f"drop trigger purchase_{rule} on purchase")
    with op.batch_alter_table("purchase") as purchase:
        purchase.alter_column("identity_id", existing_type=types.Id, nullable=True)
        purchase.alter_column("customer_id", existing_type=types.Id, nullable=True)
        purchase.add_column(sa.Column("claimed_at", types.Instant(), nullable=True))
        purchase.create_check_constraint(
            "purchase_customer", sa.text("(identity_id is null) = (customer_id is null)")
        )
        purchase.create_check_constraint(
            "purchase_claim", sa.text("claimed_at is null or identity_id is not null")
        )
    for statement in triggers.frozen_columns_ddl(
        "purchase", _FACTS, op.get_bind().dialect.name, once=_SET_ONCE
    ):
        op.execute(statement)
    op.create_index(
        "purchase_anonymous",
        "purchase",
        ["purchase_id"],
        postgresql_where=sa.text("identity_id IS NULL"),
        sqlite_where=sa.text("identity_id IS NULL"),
    )
    with op.batch_alter_table("purchase_return") as purchase_return:
        purchase_return.alter_column("identity_id", existing_type=types.Id, nullable=True)
        purchase_return.alter_column("customer_id", existing_type=types.Id, nullable=True)
    if sqlite:  # the table was copied, and triggers are not
        for statement in triggers.append_only_ddl("purchase_return", "sqlite"):
            op.execute(statement)
    op.create_table(
        "claim_tries",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

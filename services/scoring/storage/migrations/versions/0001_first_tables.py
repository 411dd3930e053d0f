"""Facts, what is recomputed from them, models and fits."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "scoring0001"
down_revision = None
branch_labels = ("scoring",)
depends_on = ("kernel", "identity")


def upgrade() -> None:
    """Apply the change."""
    _customer_state()
    _day_rollup()
    _fit()
    _model()
    _purchase()
    _purchase_return()
    _score()
    _shop()
    _sweep()


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _customer_state() -> None:
    op.create_table(
        "customer_state",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("purchases", types.BigInt, nullable=False),
        sa.Column("days", types.BigInt, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("gap_sq", types.BigInt, nullable=False),
        sa.Column("gap_log", sa.Float(precision=53), nullable=False),
        sa.Column("currency", types.Id, nullable=True),
        sa.Column("currency_days", types.BigInt, nullable=False),
        sa.Column("gross_minor", types.BigInt, nullable=False),
        sa.Column("refund_minor", types.BigInt, nullable=False),
        sa.Column("first_day_net", types.BigInt, nullable=False),
        sa.Column("last_day_net", types.BigInt, nullable=False),
        sa.Column("net_sq", sa.Float(precision=53), nullable=False),
        sa.Column("other_currencies", types.Json, nullable=False),
        sa.PrimaryKeyConstraint("customer_id"),
    )


def _day_rollup() -> None:
    op.create_table(
        "day_rollup",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("purchases", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("gross_minor", types.BigInt, nullable=False),
        sa.Column("refund_minor", types.BigInt, nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "day", "currency"),
    )


def _fit() -> None:
    op.create_table(
        "fit",
        sa.Column("fit_id", types.Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("round_days", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", types.Instant(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=True),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.Column("version", types.BigInt, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint("status in ('queued', 'running', 'done', 'failed')", name="fit_status"),
        sa.PrimaryKeyConstraint("fit_id"),
    )
    op.create_index("fit_waiting", "fit", ["status", "fit_id"], unique=False)


def _model() -> None:
    op.create_table(
        "model",
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("parameters", types.Json, nullable=False),
        sa.Column("log_likelihood", sa.Float(precision=53), nullable=True),
        sa.Column("customers", types.BigInt, nullable=False),
        sa.Column("unique_rows", types.BigInt, nullable=False),
        sa.Column("preparation", sa.Text(), nullable=False),
        sa.Column("gates", types.Json, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=True),
        sa.CheckConstraint("status in ('published', 'proposed', 'rejected')", name="model_status"),
        sa.CheckConstraint("version > 0", name="model_version"),
        sa.PrimaryKeyConstraint("kind", "currency", "version"),
    )
    for statement in triggers.append_only_ddl("model", op.get_bind().dialect.name):
        op.execute(statement)


def _purchase() -> None:
    op.create_table(
        "purchase",
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", types.Id, nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("purchase_id"),
    )
    op.create_index("purchase_identity_day", "purchase", ["identity_id", "day"], unique=False)


def _purchase_return() -> None:
    op.create_table(
        "purchase_return",
        sa.Column("return_id", types.Id, nullable=False),
        sa.Column("purchase_id", types.Id, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_minor", types.BigInt, nullable=False),
        sa.Column("units", types.BigInt, nullable=False),
        sa.Column("lines", types.Json, nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("return_id"),
    )
    op.create_index("purchase_return_identity_id", "purchase_return", ["identity_id"], unique=False)
    op.create_index("purchase_return_purchase_id", "purchase_return", ["purchase_id"], unique=False)


def _score() -> None:
    op.create_table(
        "score",
        sa.Column("customer_id", types.Id, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("label_sequence", types.BigInt, nullable=False),
        sa.Column("model_version", types.BigInt, nullable=False),
        sa.Column("as_of", types.Instant(), nullable=False),
        sa.Column("valid_until", types.Instant(), nullable=True),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "kind"),
    )
    op.create_index("score_valid_until", "score", ["valid_until"], unique=False)


def _shop() -> None:
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.CheckConstraint("shop_id = 1", name="shop_one"),
        sa.PrimaryKeyConstraint("shop_id"),
    )


def _sweep() -> None:
    op.create_table(
        "sweep",
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("after_customer_id", types.Id, nullable=False),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kind"),
    )

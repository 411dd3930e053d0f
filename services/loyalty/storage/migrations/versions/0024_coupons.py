"""Codes of coupons unlock promotions, and a hold can hold codes without points."""

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types

revision = "loyalty0024"
down_revision = "loyalty0023"

HOLD_FACTS = ("id", "wallet_id", "identity_id", "issuer", "points", "opened_at", "booked_at")
HOLD_END = ("ended_as", "ended_at", "end_booked_at")
BATCH_FACTS = ("id", "coupon", "job_id", "secret", "size", "valid_from", "valid_until", "created_at")
CODE_FACTS = ("id", "coupon", "batch_id", "serial", "look_up", "ceiling")
CLAIM_FACTS = (
    "id",
    "hold_id",
    "code_id",
    "coupon",
    "version",
    "wallet_id",
    "quotas",
    "promotions",
    "claimed_at",
)
CLAIM_CHANGES = ("order_token", "committed_at", "ended_at")


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    _hold(dialect)
    _coupons(dialect)
    _codes(dialect)
    _claims(dialect)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _hold(dialect: str) -> None:
    """Let a hold have no points. SQLite changes a condition only by a copy of the table."""
    if dialect == "postgresql":
        op.drop_constraint("hold_points", "hold", type_="check")
        op.create_check_constraint("hold_points", "hold", "points >= 0")
        return
    for index in ("hold_open", "hold_opened", "hold_wallet", "hold_issuer"):
        op.drop_index(index, table_name="hold")
    op.execute("CREATE TABLE hold_before AS SELECT * FROM hold")
    op.execute("DROP TABLE hold")
    op.create_table(
        "hold",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("points", types.BigInt, nullable=False),
        sa.Column("opened_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("end_booked_at", types.Instant(), nullable=True),
        sa.CheckConstraint("points >= 0", name="hold_points"),
        sa.CheckConstraint("expires_at > opened_at", name="hold_expires"),
        sa.CheckConstraint("ended_as in ('committed', 'cancelled', 'expired')", name="hold_end"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO hold SELECT * FROM hold_before")
    op.execute("DROP TABLE hold_before")
    is_open = sa.text("ended_as IS NULL")
    op.create_index("hold_open", "hold", ["wallet_id"], sqlite_where=is_open)
    op.create_index("hold_opened", "hold", ["opened_at", "id"])
    op.create_index("hold_wallet", "hold", ["wallet_id", "opened_at", "id"])
    op.create_index("hold_issuer", "hold", ["issuer", "opened_at", "id"])
    for statement in triggers.frozen_columns_ddl("hold", HOLD_FACTS, dialect, once=HOLD_END):
        op.execute(statement)


def _coupons(dialect: str) -> None:
    op.create_table(
        "coupon",
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("kind", types.Id, nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("coupon_updated", "coupon", ["updated_at", "code"])
    op.create_table(
        "coupon_version",
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("changed_by", types.Id, nullable=False),
        sa.Column("changed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("code", "version"),
    )
    for statement in triggers.append_only_ddl("coupon_version", dialect):
        op.execute(statement)


def _codes(dialect: str) -> None:
    op.create_table(
        "coupon_batch",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("coupon", types.Id, nullable=False),
        sa.Column("job_id", types.Id, nullable=False),
        sa.Column("secret", types.Sealed, nullable=False),
        sa.Column("size", types.BigInt, nullable=False),
        sa.Column("made", types.BigInt, nullable=False),
        sa.Column("valid_from", types.Instant(), nullable=True),
        sa.Column("valid_until", types.Instant(), nullable=True),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.CheckConstraint("made >= 0 and made <= size", name="coupon_batch_made"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id"),
    )
    op.create_index("coupon_batch_coupon", "coupon_batch", ["coupon", "created_at", "id"])
    op.create_index("coupon_batch_created", "coupon_batch", ["created_at", "id"])
    for statement in triggers.frozen_columns_ddl("coupon_batch", BATCH_FACTS, dialect):
        op.execute(statement)
    op.create_table(
        "coupon_code",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("coupon", types.Id, nullable=False),
        sa.Column("batch_id", types.BigInt, nullable=True),
        sa.Column("serial", types.BigInt, nullable=False),
        sa.Column("look_up", types.Sealed, nullable=False),
        sa.Column("ceiling", types.BigInt, nullable=False),
        sa.Column("used", types.BigInt, nullable=False),
        sa.Column("held", types.BigInt, nullable=False),
        sa.CheckConstraint("used >= 0 and held >= 0 and used + held <= ceiling", name="coupon_code_room"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("look_up"),
    )
    for statement in triggers.frozen_columns_ddl("coupon_code", CODE_FACTS, dialect):
        op.execute(statement)


def _claims(dialect: str) -> None:
    op.create_table(
        "coupon_claim",
        sa.Column("id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("hold_id", types.BigInt, nullable=False),
        sa.Column("code_id", types.BigInt, nullable=False),
        sa.Column("coupon", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("wallet_id", types.BigInt, nullable=False),
        sa.Column("quotas", types.Json, nullable=False),
        sa.Column("promotions", types.Json, nullable=False),
        sa.Column("claimed_at", types.Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", types.Instant(), nullable=False),
        sa.Column("order_token", types.Sealed, nullable=True),
        sa.Column("committed_at", types.Instant(), nullable=True),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.CheckConstraint(
            "(state = 'held' and committed_at is null and ended_at is null) or (state = 'released' and committed_at is null and ended_at is not null) "
            "or (state = 'committed' and committed_at is not null and ended_at is null) "
            "or (state = 'given_back' and committed_at is not null and ended_at is not null)",
            name="coupon_claim_state",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    held, of_order = sa.text("state = 'held'"), sa.text("order_token IS NOT NULL")
    op.create_index("coupon_claim_hold", "coupon_claim", ["hold_id"])
    op.create_index("coupon_claim_wallet", "coupon_claim", ["wallet_id", "coupon"])
    for name, columns, where in (
        ("coupon_claim_code", ["code_id"], held),
        ("coupon_claim_due", ["coupon", "expires_at"], held),
        ("coupon_claim_order", ["order_token"], of_order),
    ):
        op.create_index(name, "coupon_claim", columns, postgresql_where=where, sqlite_where=where)
    for statement in triggers.frozen_columns_ddl("coupon_claim", CLAIM_FACTS, dialect, once=CLAIM_CHANGES):
        op.execute(statement)

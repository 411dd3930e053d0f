"""Rulebooks are documents with a hash, lots and counters know the caps of their member, purchases the rules they earned by.

The rules that a purchase of before earned by are those of the first version, because there was no other.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from shared.clock import SystemClock
from shared.db import triggers, types

revision = "loyalty0006"
down_revision = "loyalty0005"

LOT_FACTS = (
    *("id", "wallet_id", "identity_id", "purchase_id", "origin_lot_id", "rule", "rulebook", "issued", "base"),
    *("eligible", "earned_at", "available_at", "expires_at", "wanted", "cap", "cap_from"),
)
RULEBOOK_FACTS = (
    "programme_id",
    "version",
    "in_force_from",
    "document",
    "hash",
    "published_by",
    "published_at",
)
RULEBOOK = sa.table(
    "rulebook",
    sa.column("programme_id", sa.SmallInteger()),
    sa.column("version", types.BigInt),
    sa.column("in_force_from", types.Instant()),
    sa.column("document", sa.Text()),
    sa.column("hash", sa.LargeBinary()),
    sa.column("published_by", sa.Text()),
    sa.column("published_at", types.Instant()),
    sa.column("withdrawn_at", types.Instant()),
)


def upgrade() -> None:
    """Apply the change."""
    dialect = op.get_bind().dialect.name
    _purchase()
    _lot(dialect)
    _rulebook(dialect)
    op.create_table(
        "counter",
        sa.Column("wallet_id", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("key", types.Id, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("measure", types.BigInt, nullable=False),
        sa.Column("granted", types.BigInt, nullable=False),
        sa.CheckConstraint("measure >= 0 and granted >= 0", name="counter_not_negative"),
        sa.PrimaryKeyConstraint("wallet_id", "key", "period_from"),
        postgresql_with={"fillfactor": 80},
    )


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _purchase() -> None:
    op.add_column("purchase", sa.Column("channel", types.Id, nullable=True))
    op.add_column("purchase", sa.Column("store", types.Id, nullable=True))
    op.add_column("purchase", sa.Column("rulebook", types.BigInt, server_default="1", nullable=False))
    op.add_column("purchase", sa.Column("context", types.Json, nullable=True))


def _lot(dialect: str) -> None:
    op.add_column("lot", sa.Column("wanted", types.BigInt, nullable=True))
    op.add_column("lot", sa.Column("cap", types.Id, nullable=True))
    op.add_column("lot", sa.Column("cap_from", sa.Date(), nullable=True))
    capped = sa.text("cap IS NOT NULL")
    op.create_index(
        "lot_cap", "lot", ["wallet_id", "cap", "cap_from"], postgresql_where=capped, sqlite_where=capped
    )
    of_table = " ON lot" if dialect == "postgresql" else ""
    for rule in ("frozen_update", "kept_delete", *(["kept_truncate"] if of_table else [])):
        op.execute(f"DROP TRIGGER lot_{rule}{of_table}")
    for statement in triggers.frozen_columns_ddl("lot", LOT_FACTS, dialect):
        op.execute(statement)


def _rulebook(dialect: str) -> None:
    """Take the version and its begin out of the documents, and give each its hash."""
    rows = op.get_bind().execute(sa.text("SELECT programme_id, version, document FROM rulebook")).all()
    op.drop_table("rulebook")
    op.create_table(
        "rulebook",
        sa.Column("version", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.SmallInteger(), nullable=False),
        sa.Column("in_force_from", types.Instant(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.Column("withdrawn_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    for row in rows:
        op.execute(sa.insert(RULEBOOK).values(**_converted(row.programme_id, row.version, row.document)))
    for statement in triggers.frozen_columns_ddl("rulebook", RULEBOOK_FACTS, dialect, once=("withdrawn_at",)):
        op.execute(statement)


def _converted(programme_id: int, version: int, document: str) -> dict[str, object]:
    """Return the row of a rulebook by the document that it had."""
    stored = json.loads(document)
    begins = stored["in_force_from"]
    rules = [
        {"priority": 0} | {name: value for name, value in rule.items() if value is not None}
        for rule in stored["rules"]
    ]
    kept = {"rules": rules, "groups": [], "caps": []}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {
        "programme_id": programme_id,
        "version": version,
        "in_force_from": None if begins is None else datetime.fromisoformat(begins).astimezone(UTC),
        "document": text,
        "hash": sha256(text.encode()).digest(),
        "published_by": "system",
        "published_at": SystemClock().now(),
        "withdrawn_at": None,
    }

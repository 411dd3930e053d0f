"""A programme has versions, each in force from an instant on. The document of before is the first one."""

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from shared.clock import SystemClock
from shared.db import triggers, types

revision = "loyalty0013"
down_revision = "loyalty0012"

FACTS = ("version", "programme_id", "in_force_from", "document", "hash", "published_by", "published_at")
PROGRAMME = sa.table(
    "programme",
    sa.column("id", sa.SmallInteger()),
    sa.column("code", types.Id),
    sa.column("version", types.BigInt),
    sa.column("timeline", sa.LargeBinary()),
)
VERSION = sa.table(
    "programme_version",
    sa.column("version", types.BigInt),
    sa.column("programme_id", sa.SmallInteger()),
    sa.column("in_force_from", types.Instant()),
    sa.column("document", sa.Text()),
    sa.column("hash", sa.LargeBinary()),
    sa.column("published_by", sa.Text()),
    sa.column("published_at", types.Instant()),
    sa.column("withdrawn_at", types.Instant()),
    sa.column("restated_after", types.BigInt),
    sa.column("restated_at", types.Instant()),
)


def upgrade() -> None:
    """Apply the change."""
    rows = op.get_bind().execute(sa.text("SELECT id, code, document FROM programme")).all()
    op.drop_table("programme")
    op.create_table(
        "programme",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("code", types.Id, nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("timeline", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "programme_version",
        sa.Column("version", types.BigInt, autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.SmallInteger(), nullable=False),
        sa.Column("in_force_from", types.Instant(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.Column("withdrawn_at", types.Instant(), nullable=True),
        sa.Column("restated_after", types.BigInt, nullable=False),
        sa.Column("restated_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "programme_draft",
        sa.Column("programme_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("version", types.BigInt, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id"),
    )
    for row in rows:
        _convert(row.id, row.code, row.document)
    dialect = op.get_bind().dialect.name
    once = ("withdrawn_at", "restated_at")
    for statement in triggers.frozen_columns_ddl("programme_version", FACTS, dialect, once=once):
        op.execute(statement)


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")


def _convert(programme_id: int, code: str, document: str) -> None:
    """Store a programme and its first version by the document that it had."""
    stored = json.loads(document)
    kept = {name: value for name, value in stored.items() if name != "code"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    hashed, now = sha256(text.encode()).digest(), SystemClock().now()
    timeline = sha256(f"1  {hashed.hex()}".encode()).digest()
    op.execute(sa.insert(PROGRAMME).values(id=programme_id, code=code, version=1, timeline=timeline))
    op.execute(
        sa.insert(VERSION).values(
            version=1,
            programme_id=programme_id,
            in_force_from=None,
            document=text,
            hash=hashed,
            published_by="system",
            published_at=now,
            withdrawn_at=None,
            restated_after=0,
            restated_at=now,
        )
    )

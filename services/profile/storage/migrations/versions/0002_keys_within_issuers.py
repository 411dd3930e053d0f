"""Orders, returns and identifiers are unique within their issuer.

Rows keep their issuer, and identifiers take that of their identity. Blind indexes stay as they are: the issuer stands beside
them in the unique key, so nothing has to be sealed or hashed again. Other services learn the issuers that were never told.
"""

import re

import sqlalchemy as sa
from alembic import op

from shared.db import triggers, types
from shared.events.base import SHOP, Cause
from shared.events.cloudevents import encode
from shared.events.profile import CustomerRegistered
from shared.ids import new_event_id
from shared.limits import PARTNER_ID

revision = "profile0002"
down_revision = "profile0001"

PAGE = 1_000
_PARTNER = re.compile(f"partner:{PARTNER_ID}")
_IDENTITY = sa.table(
    "identity",
    sa.column("identity_id", types.Id),
    sa.column("state", sa.Text()),
    sa.column("origin", sa.Text()),
    sa.column("issuer", types.Id),
    sa.column("source", sa.Text()),
    sa.column("created_at", types.Instant()),
    sa.column("booked_at", types.Instant()),
)
_OUTBOX = sa.table(
    "outbox",
    sa.column("event_id", sa.Uuid()),
    sa.column("aggregatetype", sa.Text()),
    sa.column("aggregateid", types.Id),
    sa.column("type", sa.Text()),
    sa.column("topic", types.Id),
    sa.column("key", types.Id),
    sa.column("headers", types.Json),
    sa.column("payload", sa.Text()),
    sa.column("occurred_at", types.Instant()),
    sa.column("booked_at", types.Instant()),
)
_PURCHASE_FACTS = (
    "purchase_id",
    "source",
    "order_id",
    "issuer",
    "identity_id",
    "customer_id",
    "purchased_at",
    "currency",
    "amount_minor",
    "content_hash",
    "booked_at",
)

_ISSUER_OF_THE_IDENTITY = """
UPDATE identifier SET issuer = (SELECT issuer FROM identity WHERE identity.identity_id = identifier.identity_id)
WHERE kind <> 'external_id'
"""
_FREE_TO_RESOLVE = """
UPDATE identifier SET state = 'resolving'
WHERE state = 'contested'
  AND NOT EXISTS (
    SELECT 1 FROM identifier holder
    WHERE holder.state = 'resolving' AND holder.blind_index = identifier.blind_index
      AND holder.issuer = identifier.issuer)
  AND EXISTS (
    SELECT 1 FROM identifier holder
    WHERE holder.state = 'resolving' AND holder.blind_index = identifier.blind_index
      AND holder.issuer <> identifier.issuer)
  AND identity_id = (
    SELECT claimant.identity_id FROM identifier claimant
    WHERE claimant.state = 'contested' AND claimant.blind_index = identifier.blind_index
      AND claimant.issuer = identifier.issuer
    ORDER BY claimant.seen_at, claimant.identity_id LIMIT 1)
"""
"""An identifier that another issuer's identity held leads, within its own issuer, to the identity that gave it first."""


def upgrade() -> None:
    """Apply the change."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    _key_of_identifiers(sqlite=sqlite)
    op.execute(_ISSUER_OF_THE_IDENTITY)
    _indexes_of_identifiers()
    op.execute(_FREE_TO_RESOLVE)
    with op.batch_alter_table("purchase") as purchase:
        purchase.drop_constraint("purchase_order", type_="unique")
        purchase.create_unique_constraint("purchase_order", ["source", "order_id", "issuer"])
    with op.batch_alter_table("purchase_return") as purchase_return:
        purchase_return.drop_constraint("purchase_return_reported", type_="unique")
        purchase_return.create_unique_constraint(
            "purchase_return_reported", ["source", "source_return_id", "issuer"]
        )
    _tell_issuers()
    if sqlite:  # the tables were copied, and triggers are not
        for statement in (
            *triggers.frozen_columns_ddl("purchase", _PURCHASE_FACTS, "sqlite"),
            *triggers.append_only_ddl("purchase_return", "sqlite"),
        ):
            op.execute(statement)


def _key_of_identifiers(*, sqlite: bool) -> None:
    """Give identifiers a primary key with their issuer, and leave them without indexes."""
    for name in ("identifier_not_resolving", "identifier_resolving", "identifier_resolving_next"):
        op.drop_index(name, table_name="identifier")
    if not sqlite:
        op.drop_constraint("identifier_pkey", "identifier", type_="primary")
        op.create_primary_key("identifier_pkey", "identifier", ["identity_id", "issuer", "blind_index"])
        return
    op.rename_table("identifier", "former_identifier")
    identifier = op.create_table(
        "identifier",
        sa.Column("identity_id", types.Id, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issuer", types.Id, nullable=False),
        sa.Column("blind_key", sa.SmallInteger(), nullable=False),
        sa.Column("blind_index", types.Sealed, nullable=False),
        sa.Column("blind_index_next", types.Sealed, nullable=True),
        sa.Column("sealed", types.Sealed, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verified_at", types.Instant(), nullable=True),
        sa.Column("record_id", types.Id, nullable=False),
        sa.Column("seen_at", types.Instant(), nullable=False),
        sa.Column("booked_at", types.Instant(), nullable=False),
        sa.CheckConstraint(
            "state in ('resolving', 'contested', 'shared', 'blocked', 'retired')", name="identifier_state"
        ),
        sa.PrimaryKeyConstraint("identity_id", "issuer", "blind_index"),
    )
    names = [column.name for column in identifier.columns]
    former = sa.table("former_identifier", *(sa.column(name) for name in names))
    op.execute(identifier.insert().from_select(names, sa.select(*former.c)))
    op.drop_table("former_identifier")


def _indexes_of_identifiers() -> None:
    """Make an identifier lead to one identity within its issuer."""
    for name, column_names, state in (
        ("identifier_not_resolving", ["blind_index"], "state != 'resolving'"),
        ("identifier_resolving", ["blind_index", "issuer"], "state = 'resolving'"),
        ("identifier_resolving_next", ["blind_index_next", "issuer"], "state = 'resolving'"),
    ):
        op.create_index(
            name,
            "identifier",
            column_names,
            unique=len(column_names) > 1,
            postgresql_where=sa.text(state),
            sqlite_where=sa.text(state),
        )


def _tell_issuers() -> None:
    """Register the identities that partners brought once more, because they were registered without their issuer.

    Consumers meet a registration that they know: they only learn the issuer.
    """
    connection = op.get_bind()
    statement = (
        sa.select(*_IDENTITY.c)
        .where(_IDENTITY.c.issuer != SHOP, _IDENTITY.c.state != "erased")
        .order_by(_IDENTITY.c.identity_id)
        .limit(PAGE)
    )
    after = ""
    while rows := connection.execute(statement.where(_IDENTITY.c.identity_id > after)).mappings().all():
        after = rows[-1]["identity_id"]
        named = [row for row in rows if _PARTNER.fullmatch(row["issuer"])]
        op.bulk_insert(_OUTBOX, [_registration(row) for row in named])


def _registration(identity: sa.RowMapping) -> dict[str, object]:
    event_id = new_event_id()
    event = CustomerRegistered(
        identity_id=identity["identity_id"],
        customer_id=identity["identity_id"],
        occurred_at=identity["created_at"],
        cause=Cause(kind=identity["origin"], id=identity["identity_id"]),
        origin=identity["origin"],
        source=identity["source"],
        issuer=identity["issuer"],
    )
    headers, payload = encode(event, event_id, "/huitou/profile")
    return {
        "event_id": event_id,
        "aggregatetype": "identity",
        "aggregateid": event.identity_id,
        "type": event.type,
        "topic": event.topic.name,
        "key": event.key,
        "headers": {name: value.decode() for name, value in headers},
        "payload": payload.decode(),
        "occurred_at": event.occurred_at,
        "booked_at": identity["booked_at"],
    }


def downgrade() -> None:
    """There is no way back: restore a backup."""
    raise NotImplementedError("restore a backup made before the upgrade")

"""A database of the first revision keeps its data: rows keep their issuer, and identifiers go on leading to customers."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import delete, select, update

from services.profile.people.domain.customers import IdentifierState, NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.domain.resolution import Resolved
from services.profile.people.queries.customers import find_customer
from services.profile.people.storage import identities
from services.profile.people.storage.tables import (
    IdentifierRecord,
    customer_value,
    identifier,
    identity,
)
from services.profile.people.usecases.register_customer import register_customer
from services.profile.people.usecases.tell_old_references import tell_old_references
from services.profile.purchases.domain.returns import WaitingReturn
from services.profile.purchases.storage.tables import (
    PurchaseLineRecord,
    PurchaseRecord,
    ReturnLineRecord,
    ReturnRecord,
    purchase,
    purchase_line,
    purchase_return,
    return_line,
)
from services.profile.purchases.storage.waiting_returns import park
from services.profile.purchases.usecases.record_purchases import record_purchases
from services.profile.settings import Settings
from shared.clock import ManualClock
from shared.consume.tables import set_aside
from shared.context import Context
from shared.db import Database, Tx
from shared.db.migrations import Migrations
from shared.events.cloudevents import decode
from shared.events.profile import CustomerUpdated
from shared.ids import new_id
from shared.outbox.tables import OutboxRecord, outbox
from shared.vault import open_vault, subject_key
from tests.parts import databases, services
from tests.profile.running import NOW, back, reported

pytestmark = pytest.mark.both_databases
SHOPS, ACMES, LATER = new_id("cus"), new_id("cus"), new_id("cus")
HELD_BY_SHOP, HELD_BY_ACME = "+8613800138001", "+8613800138002"


HELD: tuple[tuple[str, str, IdentifierState], ...] = (
    (SHOPS, HELD_BY_SHOP, "resolving"), (ACMES, HELD_BY_SHOP, "contested"),
    (ACMES, HELD_BY_ACME, "resolving"), (LATER, HELD_BY_ACME, "contested"),
    (LATER, HELD_BY_SHOP, "contested"),
)  # fmt: skip


async def fill(tx: Tx, context: Context[Settings]) -> None:
    """Two customers of the shop and one of a partner, with the phones that the first revision let them have.

    In it a phone led to one identity, whoever told it: the others that gave it hold it as contested.
    """
    issuers = {SHOPS: "shop", ACMES: "partner:acme", LATER: "shop"}
    keys, records = context.vault.mint(issuers)
    known = sa.table("identity", *_columns_of(identity, but="updated_at"))
    for identity_id, issuer in issuers.items():
        await tx.execute(
            sa.insert(known).values(
                identity_id=identity_id, owner_id=identity_id, ownership_version=0, record_version=0, state="active",
                origin="registration", issuer=issuer, source=None, created_at=NOW, booked_at=NOW,
            )
        )  # fmt: skip
    await tx.insert_records(subject_key, records)
    await tx.insert_records(
        identifier,
        [
            IdentifierRecord(
                identity_id, "phone", "", 1, context.vault.index("phone", "", value),
                keys.seal(identity_id, "identifier.phone", value), state, new_id("rec"), NOW, NOW,
            )
            for identity_id, value, state in HELD
        ],
    )  # fmt: skip
    await tx.insert_records(
        identifier,
        [
            IdentifierRecord(
                ACMES, "external_id", "partner:acme", 1, context.vault.index("external_id", "partner:acme", "C-1"),
                keys.seal(ACMES, "identifier.external_id", "C-1"), "resolving", new_id("rec"), NOW, NOW,
            )
        ],
    )  # fmt: skip
    await tx.execute(update(identity).where(identity.c.identity_id == SHOPS).values(record_version=1_700_000))
    named = sa.table("customer_value", *(column for column in _columns_of(customer_value, but="issuer")))
    text = json.dumps({"raw": "Ana", "normalised": "Ana"})
    await tx.execute(
        sa.insert(named).values(
            identity_id=ACMES, field="name", record_id=new_id("rec"), evidence="declared", confidence=100, observed_at=NOW,
            sealed=keys.seal(ACMES, "value.name", text),
        )
    )  # fmt: skip
    sold = sa.table("purchase", *_columns_of(purchase, but="claimed_at"))
    await tx.execute(
        sa.insert(sold).values(
            purchase_id="pur_old", source="web", order_id="old", issuer="shop", identity_id=SHOPS, customer_id=SHOPS,
            purchased_at=NOW, currency="CNY", amount_minor=900, content_hash=b"c", customer_hash=b"h", unattached=(),
            booked_at=NOW,
        )
    )  # fmt: skip
    await tx.insert_records(
        purchase_line, [PurchaseLineRecord("pur_old", 1, "CUP", 1, 900, None, None, None, 1)]
    )
    went_back = ReturnRecord(
        "ret_old", "web", "old", "shop", "old", "pur_old", SHOPS, SHOPS, NOW, "CNY", 900, b"c", NOW
    )
    await tx.insert_records(purchase_return, [went_back])
    await tx.insert_records(return_line, [ReturnLineRecord("ret_old", 1, "pur_old", 1, 1, 1, 900)])
    early = WaitingReturn(new_id("ret"), "partner:acme", back("R1", "9", (1, 2)))
    await park(tx, context.vault, [early])
    await tx.execute(update(set_aside).values(awaits="order:web/9"))


def _columns_of(table: sa.Table, *, but: str) -> list[sa.ColumnClause[Any]]:
    return [sa.column(column.name, column.type) for column in table.columns if column.name != but]


async def holder(database: Database, context: Context[Settings], phone: str, issuer: str) -> str:
    async with database.begin() as tx:
        named = NamedCustomer(None, GivenIdentifiers(phone=phone))
        resolved = await register_customer(tx, context, named, name=None, source=None, issuer=issuer)
    assert isinstance(resolved, Resolved)
    return resolved.identity_id


async def test_data_of_the_first_revision_survives(kind: databases.Kind, tmp_path: Path) -> None:
    described = services.service_with("profile", tmp_path)
    context = Context(Settings(home=tmp_path), open_vault(tmp_path, "profile"), ManualClock(NOW))
    async with databases.at_first_revision(kind, described, folder=tmp_path, clock=context.clock) as database:
        async with database.begin() as tx:
            await fill(tx, context)

        await Migrations(described.migrations, described.metadata).upgrade(database)

        assert await holder(database, context, HELD_BY_SHOP, "shop") == SHOPS
        assert await holder(database, context, HELD_BY_SHOP, "partner:acme") == ACMES
        assert await holder(database, context, HELD_BY_ACME, "partner:acme") == ACMES
        assert await holder(database, context, HELD_BY_ACME, "shop") == LATER
        async with database.read() as read:
            assert {at for (at,) in await read.all(select(identity.c.updated_at))} == {NOW}
            told = await read.read_records(OutboxRecord, select(*outbox.c))
            assert list(await described.verify(read)) == []
        (registered,) = [
            decode(
                [(name, value.encode()) for name, value in record.headers.items()], record.payload.encode()
            )
            for record in told
        ]
        event = registered.event
        assert event is not None
        assert (event.key, getattr(event, "issuer", None)) == (ACMES, "partner:acme")

        for number in (3, 0):
            async with database.begin() as tx:
                untold = await identities.untold(tx, 10)
                assert await tell_old_references(tx, context, untold) == number
        async with database.read() as read:
            (payload,) = await read.all(select(outbox.c.payload).where(outbox.c.type == CustomerUpdated.type))
        updated = CustomerUpdated.model_validate_json(payload[0])
        assert (updated.identity_id, updated.record_version) == (ACMES, 1)
        assert updated.references == (context.vault.reference("partner:acme", "C-1"),)

        async with database.read() as read:
            seen = await find_customer(read, context, ACMES, issuer="partner:acme")
        assert seen is not None
        assert seen.name == "Ana"

        for issuer in ("shop", "partner:acme"):
            async with database.begin() as tx:
                (bought,) = await record_purchases(
                    tx, context, [reported("9", phone=HELD_BY_SHOP)], issuer=issuer
                )
            assert isinstance(bought, PurchaseRecord)
            async with database.read() as read:
                returned = await read.scalar(
                    select(purchase_line.c.returned_quantity).where(
                        purchase_line.c.purchase_id == bought.purchase_id
                    )
                )
                states = await read.all(select(set_aside.c.state))
            assert (returned, states) == ((2, [("applied",)]) if issuer != "shop" else (0, [("parked",)]))
        async with database.read() as read:
            (old,) = await read.all(
                select(purchase.c.identity_id, purchase.c.claimed_at).where(purchase.c.order_id == "old")
            )
        assert tuple(old) == (SHOPS, None)
        for change in (
            delete(purchase),
            update(purchase).values(identity_id=ACMES),
            update(purchase).values(amount_minor=1),
            delete(purchase_return),
        ):
            with pytest.raises(Exception, match="is refused"):
                async with database.begin() as tx:
                    await tx.execute(change)

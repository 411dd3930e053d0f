"""A database of the first revision keeps its purchases and redemptions; they count as the shop's."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.loyalty.earning.domain.document import RulebookDocument, canonical
from services.loyalty.earning.domain.rules import PointsPerAmount
from services.loyalty.earning.storage import rulebooks
from services.loyalty.earning.storage.tables import rulebook
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.steps.programme import store_version
from services.loyalty.ledger.storage import programmes
from services.loyalty.ledger.storage.programme_tables import programme_version
from services.loyalty.purchases.storage.tables import PurchaseRecord, purchase
from services.loyalty.redemptions.queries.order_tokens import token_of
from services.loyalty.redemptions.queries.redemption_ids import id_of_redemption, redemption_named
from services.loyalty.redemptions.storage.tables import RedemptionRecord, redemption
from shared.db import Tx, columns_of
from shared.db.migrations import Keys, Migrations
from shared.vault import Vault
from tests.loyalty.shop import START, customer
from tests.parts import databases, services

pytestmark = pytest.mark.both_databases


def bought(row_id: int, issuer: str = "shop") -> PurchaseRecord:
    who = customer()
    return PurchaseRecord(
        row_id, f"pur_{row_id}", 1, who, who, issuer, "web", "A-1", START, START, "CNY", 5, (), "zero"
    )


def redeemed() -> RedemptionRecord:
    who = customer()
    return RedemptionRecord(9, b"k", 1, who, who, None, None, 5, 0, (), None, START, START)


async def test_data_of_the_first_revision_survives(kind: databases.Kind, tmp_path: Path) -> None:
    described = services.service_with("loyalty", tmp_path)
    old, paid = bought(1), redeemed()
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            for table, record, more in ((purchase, old, {}), (redemption, paid, NAMED)):
                values = {name: value for name, value in asdict(record).items() if name not in NEW} | more
                await tx.execute(sa.insert(_as_first(table)).values(**values))

        await databases.upgrade(database, described, VAULT)

        async with database.begin() as tx:
            await tx.insert_records(purchase, [bought(2), bought(3, "partner:acme")])
        async with database.read() as read:
            stored = await read.read_records(
                PurchaseRecord, sa.select(*columns_of(purchase, PurchaseRecord)).order_by(purchase.c.id)
            )
            redemptions = await read.read_records(
                RedemptionRecord, sa.select(*columns_of(redemption, RedemptionRecord))
            )
            keys = await VAULT.keys(read, [paid.identity_id])
            named = [
                await redemption_named(read, VAULT.numbers, f"red_{number}")
                for number in (paid.id, paid.id + 1)
            ]
            assert (
                await redemption_named(read, VAULT.numbers, id_of_redemption(VAULT.numbers, paid.id + 1))
                == paid.id + 1
            )
        assert named == [paid.id, None]
        assert stored[0] == old
        (redeemed_before,) = redemptions
        order, sealed = OrderKey("shop", "web", "A-1"), redeemed_before.order_sealed
        assert redeemed_before == replace(paid, order_token=token_of(VAULT, order), order_sealed=sealed)
        assert sealed is not None
        assert OrderKey.of(keys.open(paid.identity_id, "redemption.order", sealed)) == order
        assert [record.issuer for record in stored] == ["shop", "shop", "partner:acme"]
        for table in (purchase, redemption):
            with pytest.raises(DBAPIError):
                async with database.begin() as tx:
                    await tx.execute(sa.delete(table))


async def test_nothing_is_sealed_with_other_keys(kind: databases.Kind, tmp_path: Path) -> None:
    described = services.service_with("loyalty", tmp_path)
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            values = {name: value for name, value in asdict(redeemed()).items() if name not in NEW} | NAMED
            await tx.execute(sa.insert(_as_first(redemption)).values(**values))

        async def refuse(_tx: Tx) -> None:
            raise OtherInstallation

        with pytest.raises(OtherInstallation):
            await Migrations(described.migrations, described.metadata).upgrade(database, Keys(VAULT, refuse))
        async with database.read() as read:
            kept = await read.all(
                sa.select(sa.column("order_id", sa.Text())).select_from(sa.table("redemption"))
            )
        assert [tuple(row) for row in kept] == [("A-1",)]


async def test_the_rules_of_the_first_revision_become_a_document(
    kind: databases.Kind, tmp_path: Path
) -> None:
    described = services.service_with("loyalty", tmp_path)
    stored = (
        '{"version":1,"in_force_from":null,"rules":[{"kind":"points_per_amount","code":"base","rates":{"CNY":1},'
        '"available_after_days":null,"expires_after_months":12}]}'
    )
    table = sa.table("rulebook", *map(sa.column, ("programme_id", "version", "document")))
    rule = PointsPerAmount(code="base", rates={"CNY": 1}, expires_after_months=12)
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            await tx.execute(sa.insert(table).values(programme_id=1, version=1, document=stored))

        await databases.upgrade(database, described, VAULT)

        async with database.read() as read:
            (version,) = await rulebooks.versions(read)
            documents = await rulebooks.documents(read, [1])
        text = canonical(RulebookDocument(rules=(rule,)))
        assert documents == {1: text}
        assert (version.in_force_from, version.hash, version.withdrawn_at) == (None, hash_of(text), None)
        with pytest.raises(DBAPIError):
            async with database.begin() as tx:
                await tx.execute(sa.update(rulebook).values(document="{}"))


class OtherInstallation(Exception):
    """The database was written with other keys."""


VAULT = Vault("loyalty", {1: b"1" * 32}, b"r" * 32)
NAMED = {"source": "web", "order_id": "A-1"}
"""The order of a redemption, as it was stored in plain text."""
NEW = {"issuer", "order_token", "order_sealed", "channel", "store", "rulebook", "context"}


def _as_first(table: sa.Table[Any]) -> sa.TableClause:
    """Return a table with the columns that the first revision had."""
    columns = [sa.column(column.name, column.type) for column in table.columns if column.name not in NEW]
    named: list[sa.ColumnClause[str]] = [sa.column(name) for name in NAMED if name not in table.columns]
    return sa.table(table.name, *columns, *named)


async def test_the_programme_of_the_first_revision_becomes_its_first_version(
    kind: databases.Kind, tmp_path: Path
) -> None:
    described = services.service_with("loyalty", tmp_path)
    stored = (
        '{"code":"default","zone":"Asia/Shanghai","currency":"CNY","enrolment":"automatic","remedy_points_max":10000,"window_months":12,'
        '"tiers":[{"code":"member","name_en":"Member","name_zh":"会员","from_spend":0},{"code":"vip","name_en":"VIP","name_zh":"贵宾","from_spend":9}]}'
    )
    table = sa.table("programme", *map(sa.column, ("id", "code", "version", "document")))
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            await tx.execute(sa.insert(table).values(id=1, code="default", version=1, document=stored))

        await databases.upgrade(database, described, VAULT)

        async with database.begin() as tx:
            await programmes.lock(tx)
            before = await programmes.current(tx)
            later = before.at(START).model_copy(update={"remedy_points_max": 5})
            assert await store_version(tx, later, START, "system") == 2
        async with database.read() as read:
            after = await programmes.read(read)
        assert [tier.code for tier in before.at(START).tiers] == ["member", "vip"]
        assert (before.code, before.currency, before.version_at(START).version) == ("default", "CNY", 1)
        assert [version.document for version in after.versions] == [before.at(START), later]
        with pytest.raises(DBAPIError):
            async with database.begin() as tx:
                await tx.execute(sa.update(programme_version).values(document="{}"))

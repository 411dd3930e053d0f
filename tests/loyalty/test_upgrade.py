"""A database of the first revision keeps its purchases and redemptions; they count as the shop's."""

from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from services.loyalty.purchases.storage.tables import PurchaseRecord, purchase
from services.loyalty.redemptions.storage.tables import RedemptionRecord, redemption
from shared.db import columns_of
from shared.db.migrations import Migrations
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
    return RedemptionRecord(
        9, b"k", 1, who, who, "shop", "web", "A-1", 5, 0, (), None, START, START
    )  # fmt: skip


async def test_data_of_the_first_revision_survives(kind: databases.Kind, tmp_path: Path) -> None:
    described = services.service_with("loyalty", tmp_path)
    old, paid = bought(1), redeemed()
    async with databases.at_first_revision(kind, described, folder=tmp_path) as database:
        async with database.begin() as tx:
            for table, record in ((purchase, old), (redemption, paid)):
                values = {name: value for name, value in asdict(record).items() if name != "issuer"}
                await tx.execute(sa.insert(_without_issuer(table)).values(**values))

        await Migrations(described.migrations, described.metadata).upgrade(database)

        async with database.begin() as tx:
            await tx.insert_records(purchase, [bought(2), bought(3, "partner:acme")])
        async with database.read() as read:
            stored = await read.read_records(
                PurchaseRecord, sa.select(*columns_of(purchase, PurchaseRecord)).order_by(purchase.c.id)
            )
            redemptions = await read.read_records(
                RedemptionRecord, sa.select(*columns_of(redemption, RedemptionRecord))
            )
        assert (stored[0], redemptions) == (old, [paid])
        assert [record.issuer for record in stored] == ["shop", "shop", "partner:acme"]
        for table in (purchase, redemption):
            with pytest.raises(DBAPIError):
                async with database.begin() as tx:
                    await tx.execute(sa.delete(table))


def _without_issuer(table: sa.Table) -> sa.TableClause:
    columns = [sa.column(column.name, column.type) for column in table.columns if column.name != "issuer"]
    return sa.table(table.name, *columns)

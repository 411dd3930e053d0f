"""The rows of purchases and returns."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import delete, func, select, union

from services.scoring.facts.domain.facts import History, ItemisedPurchase, ItemisedReturn, Purchase, Return
from services.scoring.facts.storage.tables import (
    PurchaseRecord,
    ReturnRecord,
    day_rollup,
    purchase,
    purchase_return,
)
from shared.db import Read, Tx, any_of
from shared.db.records import columns_of
from shared.identity import identity

PURCHASES = select(purchase.c.purchase_id, purchase.c.amount_minor, purchase.c.units)
RETURNS = select(purchase_return.c.return_id, purchase_return.c.amount_minor, purchase_return.c.units)
"""The facts of which each has its event."""


async def identity_of_fact(read: Read, fact_id: str) -> str | None:
    """Return the identity of a purchase or a return; None if it is not known."""
    bought = select(purchase.c.identity_id).where(purchase.c.purchase_id == fact_id)
    returned = select(purchase_return.c.identity_id).where(purchase_return.c.return_id == fact_id)
    return await read.scalar(bought if fact_id.startswith("pur_") else returned)


async def add_purchases(tx: Tx, purchases: Sequence[ItemisedPurchase], booked_at: datetime) -> set[str]:
    """Store purchases; return the ids of those that were new."""
    records = sorted(
        (_purchase_record(itemised, booked_at) for itemised in purchases),
        key=lambda record: record.purchase_id,
    )
    new = await tx.insert_new_records(purchase, records)
    return {purchase_id for (purchase_id,) in new}


async def add_returns(tx: Tx, returns: Sequence[ItemisedReturn], booked_at: datetime) -> set[str]:
    """Store returns, whether or not their purchase is known; return the ids of those that were new."""
    records = sorted(
        (_return_record(itemised, booked_at) for itemised in returns), key=lambda record: record.return_id
    )
    new = await tx.insert_new_records(purchase_return, records)
    return {return_id for (return_id,) in new}


async def returned_before(read: Read, purchase_ids: Sequence[str]) -> set[str]:
    """Return the purchases, of these, that have a known return."""
    rows = await read.all(
        select(purchase_return.c.purchase_id)
        .where(any_of(purchase_return.c.purchase_id, purchase_ids))
        .distinct()
    )
    return {row.purchase_id for row in rows}


async def history_of(read: Read, identity_ids: Sequence[str]) -> History:
    """Return every purchase and return of these identities."""
    purchases = await read.read_records(
        Purchase,
        select(*columns_of(purchase, Purchase)).where(any_of(purchase.c.identity_id, identity_ids)),
    )
    returns = await read.read_records(
        Return,
        select(*columns_of(purchase_return, Return)).where(
            any_of(purchase_return.c.identity_id, identity_ids)
        ),
    )
    return History(tuple(purchases), tuple(returns))


async def histories_of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, History]:
    """Return every purchase and return of all identities of each of these customers, in three statements."""
    owned = select(identity.c.identity_id, identity.c.owner_id)
    rows = await read.all(owned.where(any_of(identity.c.owner_id, customer_ids)))
    owner_of = {row.identity_id: row.owner_id for row in rows}
    history = await history_of(read, sorted(owner_of))
    purchases: dict[str, list[Purchase]] = {customer_id: [] for customer_id in customer_ids}
    returns: dict[str, list[Return]] = {customer_id: [] for customer_id in customer_ids}
    for bought in history.purchases:
        purchases[owner_of[bought.identity_id]].append(bought)
    for returned in history.returns:
        returns[owner_of[returned.identity_id]].append(returned)
    return {
        customer_id: History(tuple(purchases[customer_id]), tuple(returns[customer_id]))
        for customer_id in customer_ids
    }


async def returned_after(read: Read, day: date) -> list[str]:
    """Return the customers, sorted, with a return after `day` of a purchase up to `day`.

    At the end of `day` they had more than they have now.
    """
    rows = await read.all(
        select(identity.c.owner_id)
        .join(purchase_return, purchase_return.c.identity_id == identity.c.identity_id)
        .join(purchase, purchase.c.purchase_id == purchase_return.c.purchase_id)
        .where(purchase_return.c.day > day, purchase.c.day <= day)
        .distinct()
    )
    return sorted(row.owner_id for row in rows)


async def identities_with_facts(read: Read, after: str, limit: int) -> list[str]:
    """Return the next identities, in the order of ids, that have a purchase or a roll-up."""
    pages = [
        select(column).distinct().where(column > after).order_by(column).limit(limit).subquery()
        for column in (purchase.c.identity_id, day_rollup.c.identity_id)
    ]
    either = union(*(select(page.c.identity_id) for page in pages)).subquery()
    rows = await read.all(select(either.c.identity_id).order_by(either.c.identity_id).limit(limit))
    return [row.identity_id for row in rows]


async def erase(tx: Tx, identity_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Delete all facts and roll-ups of these identities; return the number of facts of each kind, by identity."""
    wiped: dict[str, dict[str, int]] = {identity_id: {} for identity_id in identity_ids}
    for table, kind in ((purchase, "purchase"), (purchase_return, "return")):
        counts = await tx.all(
            select(table.c.identity_id, func.count())
            .where(any_of(table.c.identity_id, identity_ids))
            .group_by(table.c.identity_id)
        )
        for identity_id, count in counts:
            wiped[identity_id][kind] = count
        await tx.execute(delete(table).where(any_of(table.c.identity_id, identity_ids)))
    await tx.execute(delete(day_rollup).where(any_of(day_rollup.c.identity_id, identity_ids)))
    return wiped


def _purchase_record(itemised: ItemisedPurchase, booked_at: datetime) -> PurchaseRecord:
    fact = itemised.purchase
    return PurchaseRecord(
        purchase_id=fact.purchase_id,
        identity_id=fact.identity_id,
        occurred_at=fact.occurred_at,
        day=fact.day,
        currency=fact.currency,
        amount_minor=fact.amount_minor,
        units=fact.units,
        lines=itemised.lines,
        booked_at=booked_at,
    )


def _return_record(itemised: ItemisedReturn, booked_at: datetime) -> ReturnRecord:
    fact = itemised.returned
    return ReturnRecord(
        return_id=fact.return_id,
        purchase_id=fact.purchase_id,
        identity_id=fact.identity_id,
        occurred_at=fact.occurred_at,
        day=fact.day,
        amount_minor=fact.amount_minor,
        units=fact.units,
        lines=itemised.lines,
        booked_at=booked_at,
    )

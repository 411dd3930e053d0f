"""Purchases and returns, and the day roll-ups that are recomputed from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite

from services.scoring.domain.facts import DayRollup, Purchase, Return
from services.scoring.storage.tables import day_rollup, purchase, purchase_return
from shared.db import Read, Tx, any_of
from shared.identity import identity


@dataclass(frozen=True, slots=True)
class PurchaseRow:
    """A purchase with its lines, as it is stored."""

    fact: Purchase
    lines: list[list[object]]


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A return with its ranges of units, as it is stored."""

    fact: Return
    lines: list[list[int]]


async def add_purchases(tx: Tx, rows: Sequence[PurchaseRow], booked_at: datetime) -> set[str]:
    """Store purchases; return the ids of those that were new."""
    added = await tx.insert_new(
        purchase,
        [
            {
                "purchase_id": row.fact.purchase_id, "identity_id": row.fact.identity_id,
                "occurred_at": row.fact.occurred_at, "day": row.fact.day, "currency": row.fact.currency,
                "amount_minor": row.fact.amount_minor, "units": row.fact.units, "lines": row.lines,
                "booked_at": booked_at,
            }
            for row in sorted(rows, key=lambda row: row.fact.purchase_id)
        ],
    )  # fmt: skip
    return {purchase_id for (purchase_id,) in added}


async def add_returns(tx: Tx, rows: Sequence[ReturnRow], booked_at: datetime) -> set[str]:
    """Store returns, whether or not their purchase is known; return the ids of those that were new."""
    added = await tx.insert_new(
        purchase_return,
        [
            {
                "return_id": row.fact.return_id, "purchase_id": row.fact.purchase_id,
                "identity_id": row.fact.identity_id, "occurred_at": row.fact.occurred_at, "day": row.fact.day,
                "amount_minor": row.fact.amount_minor, "units": row.fact.units, "lines": row.lines,
                "booked_at": booked_at,
            }
            for row in sorted(rows, key=lambda row: row.fact.return_id)
        ],
    )  # fmt: skip
    return {return_id for (return_id,) in added}


async def returned_before(read: Read, purchase_ids: Sequence[str]) -> set[str]:
    """Which of these purchases have returns that are already known."""
    rows = await read.all(
        select(purchase_return.c.purchase_id)
        .where(any_of(purchase_return.c.purchase_id, purchase_ids))
        .distinct()
    )
    return {row.purchase_id for row in rows}


async def roll_up_days(tx: Tx, purchase_ids: Sequence[str]) -> None:
    """Recompute the roll-ups of every day on which one of these purchases was made, from all facts of that day."""
    if purchase_ids:
        insert = postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
        keys = [column.name for column in day_rollup.primary_key.columns]
        statement = insert(day_rollup).from_select(
            [column.name for column in day_rollup.columns], _days(purchase_ids)
        )
        changed = {
            column.name: statement.excluded[column.name]
            for column in day_rollup.columns
            if column.name not in keys
        }
        await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _days(purchase_ids: Sequence[str]) -> Select[*tuple[object, ...]]:
    """The day roll-ups of these purchases' days, computed from facts: what `domain.facts.roll_up` does."""
    day = tuple_(purchase.c.identity_id, purchase.c.day, purchase.c.currency)
    named = purchase.alias("named")
    touched = select(named.c.identity_id, named.c.day, named.c.currency).where(
        any_of(named.c.purchase_id, purchase_ids)
    )
    kept = (
        select(
            purchase.c.identity_id,
            purchase.c.day,
            purchase.c.currency,
            purchase.c.amount_minor,
            (purchase.c.units - _returned(purchase_return.c.units)).label("units_kept"),
            _returned(purchase_return.c.amount_minor).label("refund_minor"),
        )
        .where(day.in_(touched))
        .subquery("kept")
    )
    counts = kept.c.units_kept > 0
    return select(
        kept.c.identity_id,
        kept.c.day,
        kept.c.currency,
        func.sum(case((counts, 1), else_=0)),
        func.sum(case((counts, kept.c.units_kept), else_=0)),
        func.sum(case((counts, kept.c.amount_minor), else_=0)),
        func.sum(case((counts, kept.c.refund_minor), else_=0)),
    ).where(literal_column("true")).group_by(kept.c.identity_id, kept.c.day, kept.c.currency)  # fmt: skip


def _returned(column: ColumnElement[int]) -> ColumnElement[int]:
    """Σ of a column over the returns, by the same identity, of the purchase of the outer query."""
    of_purchase = select(func.sum(column)).where(
        purchase_return.c.purchase_id == purchase.c.purchase_id,
        purchase_return.c.identity_id == purchase.c.identity_id,
    )
    return cast(func.coalesce(of_purchase.correlate(purchase).scalar_subquery(), 0), BigInteger)


async def rollups_of(read: Read, customer_ids: Sequence[str]) -> dict[str, list[DayRollup]]:
    """The day roll-ups of all identities of each of these customers."""
    rows = await read.all(
        select(
            identity.c.owner_id,
            day_rollup.c.identity_id,
            day_rollup.c.day,
            day_rollup.c.currency,
            day_rollup.c.purchases,
            day_rollup.c.units,
            day_rollup.c.gross_minor,
            day_rollup.c.refund_minor,
        )
        .join(identity, identity.c.identity_id == day_rollup.c.identity_id)
        .where(any_of(identity.c.owner_id, customer_ids))
    )
    rollups: dict[str, list[DayRollup]] = {customer_id: [] for customer_id in customer_ids}
    for row in rows:
        rollups[row[0]].append(DayRollup(*row[1:]))
    return rollups


async def rollups_of_identities(read: Read, identity_ids: Sequence[str]) -> list[DayRollup]:
    """The stored day roll-ups of these identities."""
    rows = await read.all(select(day_rollup).where(any_of(day_rollup.c.identity_id, identity_ids)))
    return [DayRollup(*row) for row in rows]


async def identities_with_facts(read: Read, after: str, limit: int) -> list[str]:
    """The next identities in id order that have a purchase or a roll-up."""
    parts = [
        select(column).distinct().where(column > after).order_by(column).limit(limit).subquery()
        for column in (purchase.c.identity_id, day_rollup.c.identity_id)
    ]
    either = union(*(select(part.c.identity_id) for part in parts)).subquery()
    rows = await read.all(select(either.c.identity_id).order_by(either.c.identity_id).limit(limit))
    return [row.identity_id for row in rows]


async def facts_of(read: Read, identity_ids: Sequence[str]) -> tuple[list[Purchase], list[Return]]:
    """Every purchase and return of these identities."""
    bought = await read.all(
        select(
            purchase.c.purchase_id,
            purchase.c.identity_id,
            purchase.c.occurred_at,
            purchase.c.day,
            purchase.c.currency,
            purchase.c.amount_minor,
            purchase.c.units,
        ).where(any_of(purchase.c.identity_id, identity_ids))
    )
    returned = await read.all(
        select(
            purchase_return.c.return_id,
            purchase_return.c.purchase_id,
            purchase_return.c.identity_id,
            purchase_return.c.occurred_at,
            purchase_return.c.day,
            purchase_return.c.amount_minor,
            purchase_return.c.units,
        ).where(any_of(purchase_return.c.identity_id, identity_ids))
    )
    return [Purchase(*row) for row in bought], [Return(*row) for row in returned]


async def facts_of_customers(
    read: Read, customer_ids: Sequence[str]
) -> dict[str, tuple[list[Purchase], list[Return]]]:
    """Every purchase and return of all identities of each of these customers, in three statements."""
    owned = select(identity.c.identity_id, identity.c.owner_id)
    rows = await read.all(owned.where(any_of(identity.c.owner_id, customer_ids)))
    owner_of = {row.identity_id: row.owner_id for row in rows}
    found: dict[str, tuple[list[Purchase], list[Return]]] = {
        customer_id: ([], []) for customer_id in customer_ids
    }
    purchases, returns = await facts_of(read, sorted(owner_of))
    for bought in purchases:
        found[owner_of[bought.identity_id]][0].append(bought)
    for back in returns:
        found[owner_of[back.identity_id]][1].append(back)
    return found


async def returned_after(read: Read, day: date) -> list[str]:
    """Customers with a return after `day` of a purchase up to `day`: as of then, they had more than they have now."""
    rows = await read.all(
        select(identity.c.owner_id)
        .join(purchase_return, purchase_return.c.identity_id == identity.c.identity_id)
        .join(purchase, purchase.c.purchase_id == purchase_return.c.purchase_id)
        .where(purchase_return.c.day > day, purchase.c.day <= day)
        .distinct()
    )
    return sorted(row.owner_id for row in rows)


async def erase(tx: Tx, identity_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Delete all facts and roll-ups of these identities; return how many facts of each sort, by identity."""
    wiped: dict[str, dict[str, int]] = {identity_id: {} for identity_id in identity_ids}
    for table, word in ((purchase, "purchase"), (purchase_return, "return")):
        counts = await tx.all(
            select(table.c.identity_id, func.count())
            .where(any_of(table.c.identity_id, identity_ids))
            .group_by(table.c.identity_id)
        )
        for identity_id, count in counts:
            wiped[identity_id][word] = count
        await tx.execute(delete(table).where(any_of(table.c.identity_id, identity_ids)))
    await tx.execute(delete(day_rollup).where(any_of(day_rollup.c.identity_id, identity_ids)))
    return wiped

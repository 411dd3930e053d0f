"""The day roll-ups, which the database recomputes from the facts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from services.scoring.facts.domain.facts import DayRollup
from services.scoring.facts.storage.tables import day_rollup, purchase, purchase_return
from shared.db import Read, Tx, any_of
from shared.db.records import columns_of
from shared.identity import identity


@dataclass(frozen=True, slots=True)
class OwnedRollup(DayRollup):
    """A day roll-up with the customer that owns its identity."""

    owner_id: str


async def roll_up_days(tx: Tx, purchase_ids: Sequence[str]) -> None:
    """Recompute the roll-ups of every day on which one of these purchases was made, from all facts of that day."""
    if not purchase_ids:
        return
    insert = postgresql.insert if tx.dialect == "postgresql" else sqlite.insert
    keys = [column.name for column in day_rollup.primary_key.columns]
    columns = [column.name for column in day_rollup.columns]
    statement = insert(day_rollup).from_select(columns, _days(purchase_ids))
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    await tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


async def of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, list[OwnedRollup]]:
    """Return the day roll-ups of all identities of each of these customers."""
    owned = await read.read_records(
        OwnedRollup,
        select(*columns_of(day_rollup, DayRollup), identity.c.owner_id)
        .join(identity, identity.c.identity_id == day_rollup.c.identity_id)
        .where(any_of(identity.c.owner_id, customer_ids)),
    )
    rollups: dict[str, list[OwnedRollup]] = {customer_id: [] for customer_id in customer_ids}
    for rollup in owned:
        rollups[rollup.owner_id].append(rollup)
    return rollups


async def of_identities(read: Read, identity_ids: Sequence[str]) -> list[DayRollup]:
    """Return the stored day roll-ups of these identities."""
    return await read.read_records(
        DayRollup,
        select(*columns_of(day_rollup, DayRollup)).where(any_of(day_rollup.c.identity_id, identity_ids)),
    )


def _days(purchase_ids: Sequence[str]) -> Select[*tuple[object, ...]]:
    """Select the day roll-ups of these purchases' days, computed from facts as `domain.facts.roll_up` does."""
    day = tuple_(purchase.c.identity_id, purchase.c.day, purchase.c.currency)
    named = purchase.alias("named")
    touched = select(named.c.identity_id, named.c.day, named.c.currency).where(
        any_of(named.c.purchase_id, purchase_ids)
    )
    net = (
        select(
            purchase.c.identity_id,
            purchase.c.day,
            purchase.c.currency,
            purchase.c.amount_minor,
            (purchase.c.units - _returned(purchase_return.c.units)).label("units_left"),
            _returned(purchase_return.c.amount_minor).label("refund_minor"),
        )
        .where(day.in_(touched))
        .subquery("net")
    )
    counts = net.c.units_left > 0
    return select(
        net.c.identity_id,
        net.c.day,
        net.c.currency,
        func.sum(case((counts, 1), else_=0)),
        func.sum(case((counts, net.c.units_left), else_=0)),
        func.sum(case((counts, net.c.amount_minor), else_=0)),
        func.sum(case((counts, net.c.refund_minor), else_=0)),
    ).where(literal_column("true")).group_by(net.c.identity_id, net.c.day, net.c.currency)  # fmt: skip


def _returned(column: ColumnElement[int]) -> ColumnElement[int]:
    """Sum a column over the returns, by the same identity, of the purchase of the outer query."""
    of_purchase = select(func.sum(column)).where(
        purchase_return.c.purchase_id == purchase.c.purchase_id,
        purchase_return.c.identity_id == purchase.c.identity_id,
    )
    return cast(func.coalesce(of_purchase.correlate(purchase).scalar_subquery(), 0), BigInteger)

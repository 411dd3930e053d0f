"""Customers' states: one row each, locked before it is read or changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, exists, select, union

from services.scoring.domain.state import EMPTY, OtherCurrency, State
from services.scoring.storage.tables import customer_state
from shared.db import Read, Slot, Tx, any_of
from shared.identity import identity

_STATES: Slot[dict[str, State]] = Slot("scoring.states", dict, snapshot=dict)


async def lock(tx: Tx, customer_ids: Iterable[str]) -> dict[str, State]:
    """Create the missing rows, lock all of them in id order and return the states.

    What this transaction has locked before is answered from memory. Callers hold the identities' rows.
    """
    kept = tx.slot(_STATES)
    wanted = sorted(set(customer_ids))
    missing = [customer_id for customer_id in wanted if customer_id not in kept]
    if missing:
        await tx.insert_new(customer_state, [_row(customer_id, EMPTY) for customer_id in missing])
        rows = await tx.all(
            select(customer_state)
            .where(any_of(customer_state.c.customer_id, missing))
            .order_by(customer_state.c.customer_id)
            .with_for_update()
        )
        kept.update((row.customer_id, _state(row)) for row in rows)
    return {customer_id: kept[customer_id] for customer_id in wanted}


async def lock_existing(tx: Tx, customer_ids: Sequence[str]) -> dict[str, State]:
    """Lock those rows that exist, in id order, and return their states."""
    rows = await tx.all(
        select(customer_state)
        .where(any_of(customer_state.c.customer_id, customer_ids))
        .order_by(customer_state.c.customer_id)
        .with_for_update()
    )
    locked = {row.customer_id: _state(row) for row in rows}
    tx.slot(_STATES).update(locked)
    return locked


async def write(tx: Tx, states: Mapping[str, State]) -> None:
    """Store the states of customers whose rows are locked."""
    rows = [_row(customer_id, states[customer_id]) for customer_id in sorted(states)]
    await tx.update_many(customer_state, rows, key=["customer_id"])
    tx.slot(_STATES).update(states)


async def gone(read: Read, customer_ids: Iterable[str]) -> list[str]:
    """Those of these customers who were erased and own no identity that was not, in id order."""
    owned = identity.alias("owned")
    rows = await read.all(
        select(identity.c.identity_id)
        .where(
            any_of(identity.c.identity_id, sorted(customer_ids)),
            identity.c.erased_at.is_not(None),
            ~exists().where(owned.c.owner_id == identity.c.identity_id, owned.c.erased_at.is_(None)),
        )
        .order_by(identity.c.identity_id)
    )
    return [row.identity_id for row in rows]


async def forget(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete the states of customers nothing is left of."""
    await tx.execute(delete(customer_state).where(any_of(customer_state.c.customer_id, customer_ids)))
    for customer_id in customer_ids:
        tx.slot(_STATES).pop(customer_id, None)


async def of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, State]:
    """The stored states of these customers."""
    rows = await read.all(select(customer_state).where(any_of(customer_state.c.customer_id, customer_ids)))
    return {row.customer_id: _state(row) for row in rows}


async def owners(read: Read, after: str, limit: int) -> list[str]:
    """The next customers in id order who own an identity or have a state."""
    parts = [
        select(column.label("customer_id"))
        .distinct()
        .where(column > after)
        .order_by(column)
        .limit(limit)
        .subquery()
        for column in (identity.c.owner_id, customer_state.c.customer_id)
    ]
    either = union(*(select(part.c.customer_id) for part in parts)).subquery()
    rows = await read.all(select(either.c.customer_id).order_by(either.c.customer_id).limit(limit))
    return [row.customer_id for row in rows]


async def page_of_ids(read: Read, after: str, limit: int) -> list[str]:
    """The next customers in id order."""
    rows = await read.all(
        select(customer_state.c.customer_id)
        .where(customer_state.c.customer_id > after)
        .order_by(customer_state.c.customer_id)
        .limit(limit)
    )
    return [row.customer_id for row in rows]


def _row(customer_id: str, state: State) -> dict[str, Any]:
    return {
        "customer_id": customer_id, "purchases": state.purchases, "days": state.days, "first_day": state.first_day,
        "last_day": state.last_day, "gap_sq": state.gap_sq, "gap_log": state.gap_log, "currency": state.currency,
        "currency_days": state.currency_days, "gross_minor": state.gross_minor, "refund_minor": state.refund_minor,
        "first_day_net": state.first_day_net, "last_day_net": state.last_day_net, "net_sq": state.net_sq,
        "other_currencies": [[other.currency, other.days, other.net_minor] for other in state.other_currencies],
    }  # fmt: skip


def _state(row: Row[*tuple[Any, ...]]) -> State:
    return State(
        purchases=row.purchases, days=row.days, first_day=row.first_day, last_day=row.last_day, gap_sq=row.gap_sq,
        gap_log=row.gap_log, currency=row.currency, currency_days=row.currency_days, gross_minor=row.gross_minor,
        refund_minor=row.refund_minor, first_day_net=row.first_day_net, last_day_net=row.last_day_net,
        net_sq=row.net_sq, other_currencies=tuple(OtherCurrency(*other) for other in row.other_currencies),
    )  # fmt: skip

"""The rows of customers' states: one per customer, locked before it is read for a change."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, exists, select, union

from services.scoring.facts.domain.state import EMPTY, State
from services.scoring.facts.storage.tables import CustomerStateRecord, customer_state
from shared.db import Read, Tx, any_of
from shared.db.records import columns_of
from shared.identity import identity

_COLUMNS = columns_of(customer_state, CustomerStateRecord)


async def add_missing(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Insert an empty state for each customer that has none; `customer_ids` are sorted."""
    empty = [_record(customer_id, EMPTY) for customer_id in customer_ids]
    await tx.insert_new_records(customer_state, empty)


async def lock_rows(tx: Tx, customer_ids: Sequence[str]) -> dict[str, State]:
    """Lock the rows that exist, in the order of ids, and return their states."""
    records = await tx.read_records(
        CustomerStateRecord,
        select(*_COLUMNS)
        .where(any_of(customer_state.c.customer_id, customer_ids))
        .order_by(customer_state.c.customer_id)
        .with_for_update(),
    )
    return {record.customer_id: _state(record) for record in records}


async def update(tx: Tx, states: Mapping[str, State]) -> None:
    """Store the states of customers whose rows are locked."""
    records = [_record(customer_id, states[customer_id]) for customer_id in sorted(states)]
    await tx.update_records(customer_state, records, key=["customer_id"])


async def delete_rows(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete the states of these customers."""
    await tx.execute(delete(customer_state).where(any_of(customer_state.c.customer_id, customer_ids)))


async def gone(read: Read, customer_ids: Iterable[str]) -> list[str]:
    """Return, in the order of ids, the customers that were erased and own no identity that was not erased."""
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


async def of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, State]:
    """Return the stored states of these customers."""
    records = await read.read_records(
        CustomerStateRecord,
        select(*_COLUMNS).where(any_of(customer_state.c.customer_id, customer_ids)),
    )
    return {record.customer_id: _state(record) for record in records}


async def owners(read: Read, after: str, limit: int) -> list[str]:
    """Return the next customers in the order of ids that own an identity or have a state."""
    pages = [
        select(column.label("customer_id"))
        .distinct()
        .where(column > after)
        .order_by(column)
        .limit(limit)
        .subquery()
        for column in (identity.c.owner_id, customer_state.c.customer_id)
    ]
    either = union(*(select(page.c.customer_id) for page in pages)).subquery()
    rows = await read.all(select(either.c.customer_id).order_by(either.c.customer_id).limit(limit))
    return [row.customer_id for row in rows]


async def page_of_ids(read: Read, after: str, limit: int) -> list[str]:
    """Return the next customers with a state, in the order of ids."""
    rows = await read.all(
        select(customer_state.c.customer_id)
        .where(customer_state.c.customer_id > after)
        .order_by(customer_state.c.customer_id)
        .limit(limit)
    )
    return [row.customer_id for row in rows]


def _record(customer_id: str, state: State) -> CustomerStateRecord:
    return CustomerStateRecord(
        customer_id=customer_id, purchases=state.purchases, days=state.days, first_day=state.first_day,
        last_day=state.last_day, gap_sq=state.gap_sq, gap_log=state.gap_log, currency=state.currency,
        currency_days=state.currency_days, gross_minor=state.gross_minor, refund_minor=state.refund_minor,
        first_day_net=state.first_day_net, last_day_net=state.last_day_net, net_sq=state.net_sq,
        other_currencies=state.other_currencies,
    )  # fmt: skip


def _state(record: CustomerStateRecord) -> State:
    return State(
        purchases=record.purchases, days=record.days, first_day=record.first_day, last_day=record.last_day,
        gap_sq=record.gap_sq, gap_log=record.gap_log, currency=record.currency, currency_days=record.currency_days,
        gross_minor=record.gross_minor, refund_minor=record.refund_minor, first_day_net=record.first_day_net,
        last_day_net=record.last_day_net, net_sq=record.net_sq, other_currencies=record.other_currencies,
    )  # fmt: skip

"""Read and change statements about customers whose states this transaction holds."""

from collections.abc import Iterable, Sequence

from services.scoring.labels.domain.statements import Statement
from services.scoring.labels.storage import statements
from shared.db import Slot, Tx

_STATEMENTS: Slot[dict[str, Statement | None]] = Slot("scoring.statements", dict, snapshot=dict)
"""The latest statement about each customer that this transaction has asked for; None where there is none."""


async def statements_of_locked(tx: Tx, customer_ids: Iterable[str]) -> dict[str, Statement | None]:
    """Return the latest statements about customers whose states are locked; None where there is none.

    They are read by a statement of its own after the lock. A join in the locking statement would read them as they
    were before it waited.
    """
    known = tx.slot(_STATEMENTS)
    wanted = list(customer_ids)
    missing = [customer_id for customer_id in wanted if customer_id not in known]
    if missing:
        stored = await statements.of_customers(tx, missing)
        known.update((customer_id, stored.get(customer_id)) for customer_id in missing)
    return {customer_id: known[customer_id] for customer_id in wanted}


async def write_statements(tx: Tx, new: Sequence[Statement]) -> None:
    """Store new statements about customers whose states are locked."""
    tx.slot(_STATEMENTS).update((statement.customer_id, statement) for statement in new)
    await statements.write(tx, new)


async def forget_statements(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete the statements about customers that own nothing any more."""
    if not customer_ids:
        return
    tx.slot(_STATEMENTS).update((customer_id, None) for customer_id in customer_ids)
    await statements.delete_rows(tx, customer_ids)

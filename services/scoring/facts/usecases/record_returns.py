"""Record returns."""

from collections.abc import Mapping, Sequence

from services.scoring.facts.domain.facts import ItemisedReturn
from services.scoring.facts.steps.changes import Changes, note_changes
from services.scoring.facts.steps.lock_customers import lock_customers
from services.scoring.facts.steps.refold_customers import refold_customers
from services.scoring.facts.storage import facts, rollups
from services.scoring.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause


async def record_returns(tx: Tx, context: Context[Settings], returns: Sequence[ItemisedReturn]) -> None:
    """Store returns and lower the days of their purchases.

    A return whose purchase is not known yet is stored and has no effect until the purchase comes.
    """
    owners = await lock_customers(tx, context, (itemised.returned.identity_id for itemised in returns))
    candidates = _first_of_each_id(returns, owners)
    new_ids = await facts.add_returns(tx, candidates, tx.now)
    new = [itemised.returned for itemised in candidates if itemised.returned.return_id in new_ids]
    if not new:
        note_changes(tx, Changes())
        return
    await rollups.roll_up_days(tx, sorted({returned.purchase_id for returned in new}))
    causes = {owners[returned.identity_id]: Cause(kind="return", id=returned.return_id) for returned in new}
    await refold_customers(tx, causes.keys())
    note_changes(tx, Changes(causes))


def _first_of_each_id(returns: Sequence[ItemisedReturn], owners: Mapping[str, str]) -> list[ItemisedReturn]:
    """Return the returns of identities that were not erased. Of several with one id the first is the fact."""
    first: dict[str, ItemisedReturn] = {}
    for itemised in returns:
        if itemised.returned.identity_id in owners:
            first.setdefault(itemised.returned.return_id, itemised)
    return list(first.values())

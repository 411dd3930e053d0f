"""Record purchases and returns, once each, whose wallets are locked."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.purchases.domain.facts import Purchase, Return
from services.loyalty.purchases.storage import purchases
from services.loyalty.purchases.storage.purchases import (
    add,
    add_returns,
    find,
    returned_units,
)
from services.loyalty.purchases.storage.tables import PurchaseRecord, ReturnRecord
from shared.db import Tx

__all__ = [
    "PurchaseRecord",
    "ReturnRecord",
    "add",
    "add_returns",
    "find",
    "new_purchases",
    "new_returns",
    "returned_units",
]


async def new_purchases(tx: Tx, locked: Locked, facts: Sequence[Purchase]) -> list[Purchase]:
    """Return the first of each of these purchases that is not booked yet, without those of erased members."""
    living = {fact.purchase_id: fact for fact in reversed(facts) if locked.living(fact.identity_id)}
    known = await purchases.known(tx, sorted(living))
    return [fact for fact in facts if living.get(fact.purchase_id) is fact and fact.purchase_id not in known]


async def new_returns(tx: Tx, locked: Locked, facts: Sequence[Return]) -> list[Return]:
    """Return the first of each of these returns that is not booked yet, without those of erased members."""
    living = {fact.return_id: fact for fact in reversed(facts) if locked.living(fact.identity_id)}
    known = await purchases.known_returns(tx, sorted(living))
    return [fact for fact in facts if living.get(fact.return_id) is fact and fact.return_id not in known]

"""Record returns, once each; one that comes before its purchase waits for it."""

from collections.abc import Sequence
from datetime import datetime

from services.profile.people.refusals import TooMuchContention, refused_at
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.domain.purchases import must_be_believable
from services.profile.purchases.domain.returns import Return
from services.profile.purchases.refusals import OrderOfAnother, ReturnConflict, conflicting
from services.profile.purchases.steps.take_back import Overtaken, take_back
from services.profile.purchases.storage import purchases, returns
from services.profile.purchases.storage.purchases import OrderKey, Stored
from services.profile.purchases.storage.returns import ReturnKey, StoredReturn, WaitingReturn
from shared.auth.principal import SHOP
from shared.db import Tx, locks
from shared.errors import DomainError
from shared.ids import new_id
from shared.vault import Vault

ATTEMPTS_MAX = 5
"""How often the whole is looked at anew because another recorded the same return in the meantime."""

Outcome = StoredReturn | WaitingReturn | DomainError


async def record_returns(tx: Tx, vault: Vault, told: Sequence[Return], *, issuer: str) -> list[Outcome]:
    """One outcome a return: recorded (now or before), waiting for its purchase, or refused."""
    first: dict[ReturnKey, Return] = {}
    for one in told:
        first.setdefault(_key(one), one)
    outcomes = await _record(tx, vault, list(first.values()), issuer)
    repeats = [one for one in told if first[_key(one)] != one]
    conflicts = await _known(tx, vault, repeats, issuer) if repeats else {}
    return [(outcomes if first[_key(one)] == one else conflicts)[_key(one)] for one in told]


async def _record(tx: Tx, vault: Vault, told: Sequence[Return], issuer: str) -> dict[ReturnKey, Outcome]:
    for _ in range(ATTEMPTS_MAX):
        try:
            async with tx.savepoint():
                return await _attempt(tx, vault, told, issuer)
        except Overtaken:
            continue
    raise TooMuchContention


async def _attempt(tx: Tx, vault: Vault, told: Sequence[Return], issuer: str) -> dict[ReturnKey, Outcome]:
    bought = await _meet_purchases(tx, told)
    outcomes = await _known(tx, vault, told, issuer)
    for one in told:
        if _key(one) not in outcomes and (refusal := _refusal(one, bought, tx.now, issuer)) is not None:
            outcomes[_key(one)] = refusal
    fresh = [WaitingReturn(new_id("ret"), issuer, one) for one in told if _key(one) not in outcomes]
    ready = [one for one in fresh if one.order in bought]
    answers = await take_back(tx, vault, ready, bought) if ready else []
    early = [one for one in fresh if one.order not in bought]
    await returns.park(tx, vault, early)
    answered = dict(zip((one.key for one in ready), answers, strict=True))
    return outcomes | answered | {one.key: one for one in early}


def _refusal(told: Return, bought: dict[OrderKey, Stored], now: datetime, issuer: str) -> DomainError | None:
    """Why a new return is not taken in, whatever its purchase has left."""
    purchase = bought.get((told.source, told.order_id))
    if purchase is not None and issuer not in (SHOP, purchase.issuer):
        return refused_at(OrderOfAnother, "/order_id")
    try:
        must_be_believable(told.returned_at, now, "/returned_at")
    except DomainError as refusal:
        return refusal
    return None


async def _meet_purchases(tx: Tx, told: Sequence[Return]) -> dict[OrderKey, Stored]:
    """The purchases that the returns are of, locked; whoever lacks one holds its rendezvous, so it cannot slip by."""
    orders = {(one.source, one.order_id) for one in told}
    bought = await purchases.find(tx, orders)
    if missing := orders - bought.keys():
        await locks.rendezvous(tx, (returns.awaited(*order) for order in missing), exclusive=True)
        bought |= await purchases.find(tx, missing)
    await purchases.lock(tx, (one.purchase_id for one in bought.values()))
    return bought


async def _known(tx: Tx, vault: Vault, told: Sequence[Return], issuer: str) -> dict[ReturnKey, Outcome]:
    """What is known of these returns already: the first answer again, or in which fields they differ."""
    recorded = await returns.find(tx, map(_key, told))
    waiting = await returns.find_waiting(tx, vault, (_key(one) for one in told if _key(one) not in recorded))
    outcomes: dict[ReturnKey, Outcome] = {}
    for one in told:
        known = recorded.get(_key(one)) or waiting.get(_key(one))
        if known is None:
            continue
        if issuer not in (SHOP, known.issuer):
            outcomes[_key(one)] = conflicting(ReturnConflict, ["/source"])
            continue
        fields = rules.differences(one, known.told)
        outcomes[_key(one)] = conflicting(ReturnConflict, fields) if fields else known
    return outcomes


def _key(told: Return) -> ReturnKey:
    return told.source, told.return_id

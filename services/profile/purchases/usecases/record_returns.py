"""Record returns, once each; a return that comes before its purchase waits for it."""

from collections.abc import Iterable, Mapping, Sequence

from services.profile.people.refusals import TooMuchContention
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.domain.purchases import OrderKey, must_be_believable
from services.profile.purchases.domain.returns import Return, ReturnKey, WaitingReturn
from services.profile.purchases.refusals import ReturnConflict, conflicting
from services.profile.purchases.steps.apply_returns import Overtaken, apply_returns
from services.profile.purchases.storage import purchases, returns, waiting_returns
from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx, locks
from shared.errors import DomainError
from shared.ids import new_id
from shared.limits import BATCH_ITEMS_MAX

ATTEMPTS_MAX = 5
"""The most attempts at a batch; a new one begins when another transaction recorded one of its returns meanwhile."""

Outcome = RecordedReturn | WaitingReturn | DomainError
"""A return as recorded, now or before; one that waits for its purchase; or why it was refused."""


async def record_returns(
    tx: Tx, context: Context[Settings], reported: Sequence[Return], *, issuer: str
) -> list[Outcome]:
    """Record returns that `issuer` reports, and return one outcome per return; refusals leave the others alone.

    A return that was recorded before gets its first answer again, or a conflict that names what differs. Of several with
    one id each is answered as if it had come after the one before it.
    """
    assert len(reported) <= BATCH_ITEMS_MAX, "the edge bounds its batches"
    distinct = dict.fromkeys(reported)
    rounds = _rounds(distinct, issuer)
    if len(rounds) > 1:  # every lock is taken at once, because a later round must not wait for one
        await _meet_purchases(tx, {reported_return.order(issuer) for reported_return in distinct})
    outcomes: dict[Return, Outcome] = {}
    for returns_of_round in rounds:
        answers = await _record(tx, context, returns_of_round, issuer)
        outcomes |= {
            reported_return: answers[reported_return.key(issuer)] for reported_return in returns_of_round
        }
    return [outcomes[reported_return] for reported_return in reported]


def _rounds(distinct: Iterable[Return], issuer: str) -> list[list[Return]]:
    """Divide returns, in their order, so that no id is twice in one round."""
    rounds: list[list[Return]] = []
    keys: set[ReturnKey] = set()
    for reported_return in distinct:
        key = reported_return.key(issuer)
        if key in keys or not rounds:
            rounds.append([])
            keys = set()
        rounds[-1].append(reported_return)
        keys.add(key)
    return rounds


async def _record(
    tx: Tx, context: Context[Settings], reported: Sequence[Return], issuer: str
) -> dict[ReturnKey, Outcome]:
    """Return the outcomes; begin again while others record the same returns."""
    for _ in range(ATTEMPTS_MAX):
        try:
            async with tx.savepoint():
                return await _attempt(tx, context, reported, issuer)
        except Overtaken:
            continue
    raise TooMuchContention


async def _attempt(
    tx: Tx, context: Context[Settings], reported: Sequence[Return], issuer: str
) -> dict[ReturnKey, Outcome]:
    """Apply the new returns whose purchases are recorded, and park the others."""
    bought = await _meet_purchases(tx, {reported_return.order(issuer) for reported_return in reported})
    outcomes = await _known(tx, context, reported, issuer)
    ready: list[WaitingReturn] = []
    early: list[WaitingReturn] = []
    for reported_return in reported:
        if reported_return.key(issuer) in outcomes:
            continue
        purchase = bought.get(reported_return.order(issuer))
        if (refusal := _refusal(tx, context, reported_return, purchase)) is not None:
            outcomes[reported_return.key(issuer)] = refusal
            continue
        waiting = WaitingReturn(new_id("ret"), issuer, reported_return)
        (early if purchase is None else ready).append(waiting)
    answers = await apply_returns(tx, context, ready, bought) if ready else []
    await waiting_returns.park(tx, context.vault, early)
    outcomes |= {waiting.key: answer for waiting, answer in zip(ready, answers, strict=True)}
    return outcomes | {waiting.key: waiting for waiting in early}


def _refusal(
    tx: Tx, context: Context[Settings], reported: Return, purchase: PurchaseRecord | None
) -> DomainError | None:
    """Return why a new return is not taken in, whatever its purchase has left; None if it is."""
    try:
        must_be_believable(reported.returned_at, tx.now, "/returned_at", context.settings.purchases_since)
        if purchase is None:
            rules.must_name_lines_once(reported.lines)
    except DomainError as refusal:
        return refusal
    return None


async def _meet_purchases(tx: Tx, orders: Iterable[OrderKey]) -> dict[OrderKey, PurchaseRecord]:
    """Return the purchases of these orders, locked.

    For an order without a purchase the transaction holds the rendezvous, so that its purchase cannot be missed.
    """
    wanted = set(orders)
    bought = await purchases.find(tx, wanted)
    if missing := wanted - bought.keys():
        await locks.rendezvous(tx, map(waiting_returns.awaited, missing), exclusive=True)
        bought |= await purchases.find(tx, missing)
    return await purchases.find_locked(tx, bought.values())


async def _known(
    tx: Tx, context: Context[Settings], reported: Sequence[Return], issuer: str
) -> dict[ReturnKey, Outcome]:
    """Return the answers to the returns that are known already: the first answer, or the fields that differ."""
    keys = [reported_return.key(issuer) for reported_return in reported]
    recorded = await returns.find(tx, keys)
    unrecorded = (key for key in keys if key not in recorded)
    known: Mapping[ReturnKey, RecordedReturn | WaitingReturn] = {
        **recorded,
        **await waiting_returns.find(tx, context.vault, unrecorded),
    }
    return {
        key: _answer(reported_return, known[key])
        for key, reported_return in zip(keys, reported, strict=True)
        if key in known
    }


def _answer(reported: Return, known: RecordedReturn | WaitingReturn) -> Outcome:
    fields = rules.differences(reported, known.reported)
    return conflicting(ReturnConflict, fields) if fields else known

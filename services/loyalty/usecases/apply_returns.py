"""Apply returns."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.domain import attribution, returning, tiers
from services.loyalty.domain.facts import Return, UnitRange
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.postings import CauseKind
from services.loyalty.domain.returning import Spend
from services.loyalty.domain.tiers import Counted
from services.loyalty.domain.wallets import Lot, Member
from services.loyalty.storage import ledger, lots, programmes, purchases, redemptions, wallets
from services.loyalty.storage.purchases import Bought
from services.loyalty.storage.redemptions import Order
from services.loyalty.storage.wallets import Locked
from services.loyalty.usecases.count_spend import count_spend
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_points import tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsReversed


async def apply_returns(tx: Tx, facts: Sequence[Return]) -> list[Return]:
    """Undo what the returned units did, once each; answers the returns whose purchase is not known yet.

    Raises UnitsNotReturnable and NotOfThisPurchase.
    """
    locked = await _lock(tx, facts)
    fresh = await _fresh(tx, locked, facts)
    bought = await purchases.bought(tx, [fact.purchase_id for fact in fresh]) if fresh else {}
    ready = [fact for fact in fresh if fact.purchase_id in bought]
    for fact in ready:
        _check_same(locked, fact, bought[fact.purchase_id])
    if ready:
        await _apply(tx, locked, [(fact, bought[fact.purchase_id]) for fact in ready])
    return [fact for fact in fresh if fact.purchase_id not in bought]


async def _lock(tx: Tx, facts: Sequence[Return]) -> Locked:
    behind = await redemptions.identities_behind(tx, ((fact.source, fact.order_id) for fact in facts))
    return await wallets.lock(tx, {fact.identity_id for fact in facts} | behind)


async def _fresh(tx: Tx, locked: Locked, facts: Sequence[Return]) -> list[Return]:
    living = {
        fact.return_id: fact for fact in reversed(facts) if locked.wallets[fact.identity_id].erased_at is None
    }
    known = await purchases.known_returns(tx, sorted(living))
    return [fact for fact in facts if living.get(fact.return_id) is fact and fact.return_id not in known]


def _check_same(locked: Locked, fact: Return, of: Bought) -> None:
    """What was locked is what the return names: it must be what its purchase concerns."""
    named = (locked.wallets[fact.identity_id].id, fact.source, fact.order_id)
    if named != (of.wallet_id, of.source, of.order_id):
        raise returning.NotOfThisPurchase


async def _apply(tx: Tx, locked: Locked, ready: Sequence[tuple[Return, Bought]]) -> None:
    programme = await programmes.current(tx)
    earned = await lots.load_of_purchases(tx, locked, sorted({of.row_id for _, of in ready}))
    spends = await _spends(tx, locked, {(of.source, of.order_id) for _, of in ready})
    before = await purchases.returned(tx, sorted({of.row_id for _, of in ready}))
    members = _members(locked, ready, spends)
    await lots.load_open(tx, locked, _needy(members, earned, spends))
    journal = await open_journal(tx, locked, members.values(), rows=len(ready))
    counted, stored = [], []
    for fact, of in ready:
        wallet, row_id = locked.by_id[of.wallet_id], journal.next_id()
        booked, cause = Booked(CauseKind.RETURN, row_id), Cause(kind="return", id=fact.return_id)
        earlier: list[UnitRange] = before.setdefault(of.row_id, [])
        returning.check_returnable(of.lines, fact.units, earlier)
        earlier += fact.units
        mine, paid = earned.get(of.row_id, []), spends.get((of.source, of.order_id), [])
        owners = list(_members(locked, [(fact, of)], spends).values())
        points = returning.take_back(
            journal, owners, booked, of.lines, mine, paid, fact.units, fact.occurred_at
        )
        journal.touch(wallet)
        amount_minor = sum(attribution.amount_of(of.lines, units) for units in fact.units)
        stored.append(purchases.return_row_of(fact, row_id, of, wallet, amount_minor))
        if points:
            tell_points(
                tx, PointsReversed, programme, wallet, points, cause=cause, booked=booked, at=fact.occurred_at
            )
        if of.currency == programme.currency:
            spend = tiers.spend_of(programme, of.occurred_at, -amount_minor)
            counted.append(Counted(wallet, spend, fact.occurred_at, cause))
    await count_spend(tx, locked, programme, journal, counted)
    await purchases.add_returns(tx, stored)
    await ledger.post(tx, journal)


async def _spends(tx: Tx, locked: Locked, orders: set[Order]) -> dict[Order, list[Spend]]:
    """What the orders were paid with in points, and by which lots."""
    redeemed = await redemptions.of_orders(tx, orders)
    if not redeemed:
        return {}
    paid = await ledger.paid_by(tx, [each.row_id for many in redeemed.values() for each in many])
    lot_of = await lots.load_by_id(tx, locked, [lot_id for pairs in paid.values() for lot_id, _ in pairs])
    await lots.load_payers(tx, locked, lot_of.values())
    return {
        order: [
            Spend(each.points, each.base, each.lines, tuple((lot_of[lot], n) for lot, n in paid[each.row_id]))
            for each in many
        ]
        for order, many in redeemed.items()
    }


def _members(
    locked: Locked, ready: Sequence[tuple[Return, Bought]], spends: dict[Order, list[Spend]]
) -> dict[str, Member]:
    """The buyers, and the owners of the lots that paid their orders."""
    concerned = [locked.by_id[of.wallet_id] for _, of in ready]
    for _, of in ready:
        for spend in spends.get((of.source, of.order_id), ()):
            concerned += [lot.wallet for lot, _ in spend.paid]
    return {wallet.owner_id: locked.member(wallet.identity_id) for wallet in concerned}


def _needy(
    members: dict[str, Member], earned: dict[int, list[Lot]], spends: dict[Order, list[Spend]]
) -> list[Member]:
    """The members of whom other lots may be needed: what a purchase earned is not all there, or spent points return."""
    short = {
        lot.wallet.owner_id
        for many in earned.values()
        for lot in many
        if lot.pending + lot.remaining + lot.expired < lot.issued - lot.reversed
    }
    paid = {lot.wallet.owner_id for many in spends.values() for spend in many for lot, _ in spend.paid}
    return [member for owner_id, member in members.items() if owner_id in short | paid]

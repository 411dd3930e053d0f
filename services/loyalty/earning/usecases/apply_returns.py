"""Apply returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.loyalty.earning.domain import returning
from services.loyalty.earning.domain.budgets import Quotas
from services.loyalty.earning.domain.progress import Aim, Progress
from services.loyalty.earning.domain.returning import PointsOfLot, Spend
from services.loyalty.earning.refusals import NotOfThisPurchase
from services.loyalty.earning.steps import budgets, counters, goals, undoing
from services.loyalty.earning.steps.counters import Levels
from services.loyalty.earning.steps.goals import Completions
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Return, StoredPurchase, UnitRange, is_closed, orders_named
from services.loyalty.purchases.steps import recording
from services.loyalty.purchases.steps.recording import ReturnRecord
from services.loyalty.redemptions.queries.paid_orders import identities_behind, payments
from services.loyalty.settings import Settings
from services.loyalty.tiers.domain.standing import OrderMoved
from services.loyalty.tiers.steps.count_spend import Counted, count_spend
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsReversed
from shared.vault import Numbers


@dataclass(frozen=True, slots=True)
class Undoing:
    """A return with everything that it undoes: what its purchase earned, and the points that its order was paid with."""

    fact: Return
    purchase: StoredPurchase
    wallet: Wallet
    earned: Sequence[Lot]
    spends: Sequence[Spend]
    aims: Sequence[Aim] = ()
    """The goals that its purchase counts for."""

    def members(self, locked: Locked) -> dict[str, Member]:
        """Return the buyer, and the owners of the lots that paid the order."""
        wallets = [self.wallet, *(paid.lot.wallet for spend in self.spends for paid in spend.paid)]
        return {wallet.owner_id: locked.member(wallet.identity_id) for wallet in wallets}


async def apply_returns(tx: Tx, context: Context[Settings], returns: Sequence[Return]) -> list[Return]:
    """Undo what the returned units did, once each; return those whose purchase is not known yet.

    Raises UnitsNotReturnable and NotOfThisPurchase.
    """
    behind = await identities_behind(tx, context.vault, orders_named(_order(fact) for fact in returns))
    locked = await lock_wallets(tx, {fact.identity_id for fact in returns} | behind)
    fresh = await recording.new_returns(tx, locked, returns)
    purchases = await recording.find(tx, [fact.purchase_id for fact in fresh]) if fresh else {}
    ready = [fact for fact in fresh if fact.purchase_id in purchases]
    for fact in ready:
        _check_same(locked, fact, purchases[fact.purchase_id])
    if ready:
        await _apply(tx, context, locked, [(fact, purchases[fact.purchase_id]) for fact in ready])
    return [fact for fact in fresh if fact.purchase_id not in purchases]


def _check_same(locked: Locked, fact: Return, purchase: StoredPurchase) -> None:
    """Refuse a return that names another wallet or order than its purchase: only what it names was locked."""
    same_wallet = locked.wallets[fact.identity_id].id == purchase.wallet_id
    if not same_wallet or _order(purchase) not in orders_named([_order(fact)]):
        raise NotOfThisPurchase


async def _apply(
    tx: Tx, context: Context[Settings], locked: Locked, ready: Sequence[tuple[Return, StoredPurchase]]
) -> None:
    undoings = await _load(tx, context, locked, ready)
    before = await recording.returned_units(tx, sorted({purchase.id for _, purchase in ready}))
    members = {owner_id: member for undone in undoings for owner_id, member in undone.members(locked).items()}
    earned = [(undone.purchase, lot) for undone in undoings for lot in undone.earned]
    aimed = [(undone.purchase, undone.aims) for undone in undoings if undone.aims]
    levels = await counters.load_levels(tx, locked, earned, aimed)
    progress = Progress(levels.counters)
    completions = await goals.load_completions(tx, locked, progress)
    await lots.load_open(tx, locked, _needy(members, undoings, completions))
    booking = await open_booking(tx, locked, members.values(), rows=len(ready))
    records, counted, quotas = [], [], Quotas()
    for undone in undoings:
        cause = Cause(kind="return", id=undone.fact.return_id)
        earlier: list[UnitRange] = before.setdefault(undone.purchase.id, [])
        returning.check_returnable(undone.purchase.lines, undone.fact.units, earlier)
        falls = _falls(booking, levels, progress, completions, undone, earlier)
        budgets.give_back(quotas, falls)
        earlier += undone.fact.units
        records.append(_book(booking, context.vault.numbers, undone, falls, cause))
        order = OrderMoved(undone.purchase.id, is_closed(undone.purchase.lines, earlier))
        counted.append(_counted(undone, records[-1], order, cause))
    await count_spend(booking, counted)
    await counters.store(tx, levels.counters)
    await completions.store(tx)
    await recording.add_returns(tx, records)
    await close_booking(booking)
    await budgets.move_quotas(tx, quotas)


async def _load(
    tx: Tx, context: Context[Settings], locked: Locked, ready: Sequence[tuple[Return, StoredPurchase]]
) -> list[Undoing]:
    """Load the lots that the purchases earned, and those that paid their orders."""
    earned = await lots.load_of_purchases(tx, locked, sorted({purchase.id for _, purchase in ready}))
    aims = await undoing.aims_of_facts(tx, [purchase for _, purchase in ready])
    spends = await _spends(tx, context, locked, {_order(purchase) for _, purchase in ready})
    return [
        Undoing(
            fact=fact,
            purchase=purchase,
            wallet=locked.by_id[purchase.wallet_id],
            earned=earned.get(purchase.id, []),
            spends=returning.spent_by(spends.get(_order(purchase), ()), locked.by_id[purchase.wallet_id]),
            aims=aims.get(purchase.id, ()),
        )
        for fact, purchase in ready
    ]


async def _spends(
    tx: Tx, context: Context[Settings], locked: Locked, orders: set[OrderKey]
) -> dict[OrderKey, list[Spend]]:
    """Return the points that paid these orders, with the lots that they came from."""
    paid = await payments(tx, context.vault, orders)
    taken = [posting for of_order in paid.values() for payment in of_order for posting in payment.taken]
    lot_of = await lots.load_by_id(tx, locked, [posting.lot_id for posting in taken])
    await lots.load_payers(tx, locked, lot_of.values())
    return {
        order: [
            Spend(
                locked.by_id[payment.wallet_id],
                payment.points,
                payment.base,
                payment.lines,
                tuple(PointsOfLot(lot_of[posting.lot_id], posting.points) for posting in payment.taken),
            )
            for payment in of_order
        ]
        for order, of_order in paid.items()
    }


def _needy(members: dict[str, Member], undoings: Iterable[Undoing], completions: Completions) -> list[Member]:
    """Return the members of whom other lots may be needed, also those who get spent points back."""
    owner_ids = set[str]()
    for undone in undoings:
        owner_ids |= undoing.owners_behind(undone.earned, completions)
        owner_ids |= {paid.lot.wallet.owner_id for spend in undone.spends for paid in spend.paid}
    return [member for owner_id, member in members.items() if owner_id in owner_ids]


def _falls(
    booking: Booking,
    levels: Levels,
    progress: Progress,
    completions: Completions,
    undone: Undoing,
    before: Sequence[UnitRange],
) -> list[PointsOfLot]:
    """Return the points that a return takes out of lots, also those of the completions that fall."""
    purchase, wallet, units = undone.purchase, undone.wallet, undone.fact.units
    falls = undoing.points_that_fall(booking, levels, purchase, wallet, undone.earned, before, units)
    return falls + undoing.completions_that_fall(
        booking, progress, completions, purchase, wallet, undone.aims, before, units
    )


def _book(
    booking: Booking, numbers: Numbers, undone: Undoing, falls: Sequence[PointsOfLot], cause: Cause
) -> ReturnRecord:
    """Book what one return undoes, tell it, and return the row of the return."""
    fact, purchase, wallet, journal = undone.fact, undone.purchase, undone.wallet, booking.journal
    posted = PostingCause(CauseKind.RETURN, journal.next_id())
    members = list(undone.members(booking.locked).values())
    returning.take_back(journal, members, posted, undone.spends, falls, fact.units, fact.occurred_at)
    journal.touch(wallet)
    for wallet_id, points in journal.points_by_wallet(posted, Account.ISSUED).items():
        moved = MovedPoints(booking.locked.by_id[wallet_id], points, cause, posted, fact.occurred_at)
        tell_points(booking.tx, numbers, booking.programme, PointsReversed, moved)
    return ReturnRecord(
        id=posted.id,
        return_id=fact.return_id,
        purchase_id=purchase.id,
        wallet_id=wallet.id,
        purchased_at=purchase.occurred_at,
        occurred_at=fact.occurred_at,
        booked_at=wallet.last_booked_at,
        currency=purchase.currency,
        amount_minor=sum(attribution.amount_of(purchase.lines, units) for units in fact.units),
        units=fact.units,
        moved_points=posted in journal.ordinals,
    )


def _counted(undone: Undoing, record: ReturnRecord, order: OrderMoved, cause: Cause) -> Counted:
    return Counted(
        wallet=undone.wallet,
        currency=record.currency,
        spent_at=record.purchased_at,
        amount_minor=-record.amount_minor,
        at=record.occurred_at,
        cause=cause,
        order=order,
    )


def _order(fact: Return | StoredPurchase) -> OrderKey:
    return OrderKey(fact.issuer, fact.source, fact.order_id)

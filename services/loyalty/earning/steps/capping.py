"""The caps of members who were parted, whose wallets are locked: what their levels lack or have too many, and the lots behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.activities.queries import activities
from services.loyalty.earning.domain import falling, leaving, parting
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas
from services.loyalty.earning.domain.falling import Booked
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.parting import Family, Shift
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks
from services.loyalty.ledger.domain import granting
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.purchases.queries import orders
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Levelling:
    """An outermost level of a member that is to be changed, with the lots of its cap in its period."""

    member: Member
    shift: Shift
    families: Sequence[Family]

    @property
    def owed(self) -> list[PointsOfLot]:
        """Return the lots that get points."""
        return parting.owed_to(self.families, self.shift.points) if self.shift.points > 0 else []


async def load_levellings(
    tx: Tx, locked: Locked, members: Iterable[Member], counters: Counters
) -> list[Levelling]:
    """Level the inner caps of parted members in memory, and return what is to be changed at the outermost ones.

    Nothing is read of lots where nothing is to be changed.
    """
    parted = {member.owner_id: member for member in members if member.wallets}
    wallet_ids = sorted({wallet.id for member in parted.values() for wallet in member.wallets})
    versions = await lots.versions_of_caps(tx, wallet_ids) if wallet_ids else []
    if not versions:
        return []
    limits = parting.limits_of((await compiled_rulebooks(tx, versions)).values())
    found = []
    for member in parted.values():
        owned = [wallet.id for wallet in member.wallets]
        for shift in parting.level_inner(counters, limits, owned):
            of_cap = await lots.load_of_cap(tx, locked, owned, shift.level.cap.code, shift.level.period_from)
            found.append(Levelling(member, shift, await _families(tx, of_cap)))
    return found


async def _families(tx: Tx, of_cap: Sequence[Lot]) -> list[Family]:
    """Return lots with those that were granted for them later, and what their rules want for what is left of their facts."""
    bought = sorted({lot.purchase_id for lot in of_cap if lot.purchase_id is not None})
    done = sorted({lot.activity_id for lot in of_cap if lot.activity_id is not None})
    facts: dict[int, Booked] = {**await orders.find_rows(tx, bought), **await activities.find_rows(tx, done)}
    returned = {**await orders.returned_units(tx, bought), **await activities.taken_back(tx, done)}
    books = await compiled_rulebooks(tx, {lot.rulebook for lot in of_cap})
    families: dict[int, Family] = {}
    for lot in of_cap:
        if lot.origin_lot_id is not None:
            continue
        fact = facts[lot.purchase_id or lot.activity_id or 0]
        left = leaving.left_of(
            books[lot.rulebook],
            falling.facts_of(lot),
            fact.lines,
            returned.get(fact.id, ()),
            falling.cart_of(fact),
        )
        families[lot.id] = Family(lot, left)
    for lot in of_cap:
        if lot.origin_lot_id is not None:
            families[lot.origin_lot_id].later.append(lot)
    return list(families.values())


def grant_owed(
    booking: Booking,
    counters: Counters,
    levelling: Levelling,
    quotas: Quotas,
    posted: PostingCause,
    at: datetime,
) -> list[PointsOfLot]:
    """Book what the lots of a level get, as far as their budgets have room, and return it by the lot that it is for."""
    given = []
    for origin, owed in levelling.owed:
        points, budget = owed, origin.budget
        if budget is not None and origin.budget_from is not None:
            points = quotas.take(BudgetKey(budget, origin.budget_from), owed)
        if points:
            counters.gain(levelling.shift.level, origin.wallet.id, points)
            later = _later(booking, origin, points)
            granting.issue(booking.journal, levelling.member, later, posted, Account.ISSUED, at)
            given.append(PointsOfLot(origin, points))
    return given


def _later(booking: Booking, origin: Lot, points: int) -> Lot:
    """Return a lot with points that a lot gets later: it has the dates and the cap of that one."""
    return Lot(
        id=booking.journal.next_id(),
        wallet=origin.wallet,
        rule=origin.rule,
        rulebook=origin.rulebook,
        issued=points,
        base=0,
        earned_at=origin.earned_at,
        origin_lot_id=origin.id,
        available_at=origin.available_at,
        expires_at=origin.expires_at,
        slides=origin.slides,
        wanted=points,
        cap=origin.cap,
        cap_from=origin.cap_from,
        budget=origin.budget,
        budget_from=origin.budget_from,
    )

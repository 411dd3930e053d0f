"""Redeem points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.domain import attribution, burning
from services.loyalty.domain.facts import Line
from services.loyalty.domain.members import KeyUsedBefore, UnknownMember
from services.loyalty.domain.postings import Account, CauseKind
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.wallets import Balance, Member
from services.loyalty.storage import ledger, lots, programmes, purchases, redemptions, wallets
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_points import tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsRedeemed
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class RedemptionAsked:
    """Points to be spent. With `lines` of an order, returns of that order give them back."""

    customer_id: str
    key: bytes
    points: int
    reference: str | None
    order: tuple[str, str] | None
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RedemptionDone:
    """What was booked, and the balance afterwards."""

    row_id: int
    customer_id: str
    occurred_at: datetime
    balance: Balance


async def redeem_points(tx: Tx, vault: Vault, asked: RedemptionAsked) -> RedemptionDone:
    """Take points from the member's lots, what expires first going first, or refuse; it happens now.

    A return of the order locks the same wallets: it comes after this and gives the points back, or came before.
    """
    locked = await wallets.lock(tx, [asked.customer_id], create=False)
    wallet = locked.wallets.get(asked.customer_id)
    if wallet is None or wallet.erased_at is not None:
        raise UnknownMember
    if await redemptions.by_key(tx, asked.key) is not None:
        raise KeyUsedBefore
    member = locked.member(asked.customer_id)
    await _check_not_returned(tx, member, asked)
    journal = await open_journal(tx, locked, [member], rows=1)
    if not member.lots_complete:
        await lots.load_spendable(tx, locked, member, asked.points)
    row_id = journal.next_id()
    booked, cause = Booked(CauseKind.REDEMPTION, row_id), Cause(kind="redemption", id=f"red_{row_id}")
    burning.burn(journal, member, booked, asked.points, Account.REDEEMED, journal.now)
    journal.touch(wallet)
    sealed = None
    if asked.reference is not None:
        keys = await vault.new_subject(tx, [wallet.identity_id])
        sealed = keys.seal(wallet.identity_id, "redemption.reference", asked.reference)
    await redemptions.add(
        tx,
        {
            "id": row_id,
            "key": asked.key,
            "wallet_id": wallet.id,
            "identity_id": wallet.identity_id,
            "customer_id": wallet.owner_id,
            "source": asked.order[0] if asked.order else None,
            "order_id": asked.order[1] if asked.order else None,
            "points": asked.points,
            "base": attribution.eligible_amount(asked.lines),
            "lines": redemptions.amounts(asked.lines),
            "reference": sealed,
            "occurred_at": journal.now,
            "booked_at": wallet.last_booked_at,
        },
    )
    await ledger.post(tx, journal)
    programme = await programmes.current(tx)
    for wallet_id, points in ledger.points_by_wallet(journal.postings, booked, Account.REDEEMED).items():
        mine = locked.by_id[wallet_id]
        tell_points(tx, PointsRedeemed, programme, mine, points, cause=cause, booked=booked, at=journal.now)
    return RedemptionDone(row_id, wallet.owner_id, journal.now, member.balance())


async def _check_not_returned(tx: Tx, member: Member, asked: RedemptionAsked) -> None:
    """Refuse to pay an order of the member's own that returns have been to: they will not come again."""
    if asked.order and asked.lines:
        mine = [wallet.id for wallet in member.wallets]
        if await purchases.has_returns(tx, *asked.order, mine):
            raise burning.OrderReturned

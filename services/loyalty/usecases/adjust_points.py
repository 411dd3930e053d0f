"""Adjust points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.domain import burning, earning
from services.loyalty.domain.members import KeyUsedBefore, UnknownMember
from services.loyalty.domain.postings import Account, CauseKind
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.wallets import Balance
from services.loyalty.storage import adjustments, ledger, lots, programmes, wallets
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_points import tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned, PointsReversed
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class AdjustmentAsked:
    """A correction by hand: signed points, why, and who says so."""

    customer_id: str
    key: bytes
    points: int
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class AdjustmentDone:
    """What was booked, and the balance afterwards."""

    row_id: int
    customer_id: str
    occurred_at: datetime
    balance: Balance


async def adjust_points(tx: Tx, vault: Vault, asked: AdjustmentAsked) -> AdjustmentDone:
    """Correct a member's points up or down, never below zero; it happens now."""
    locked = await wallets.lock(tx, [asked.customer_id], create=False)
    wallet = locked.wallets.get(asked.customer_id)
    if wallet is None or wallet.erased_at is not None:
        raise UnknownMember
    if await adjustments.by_key(tx, asked.key) is not None:
        raise KeyUsedBefore
    member = locked.member(asked.customer_id)
    journal = await open_journal(tx, locked, [member], rows=2)
    row_id = journal.next_id()
    booked, cause = Booked(CauseKind.ADJUSTMENT, row_id), Cause(kind="adjustment", id=f"adj_{row_id}")
    if asked.points > 0:
        earning.grant_points(journal, member, wallet, booked, asked.points, "adjustment", journal.now)
    else:
        if not member.lots_complete:
            await lots.load_spendable(tx, locked, member, -asked.points)
        burning.burn(journal, member, booked, -asked.points, Account.ADJUSTED, journal.now)
    journal.touch(wallet)
    keys = await vault.new_subject(tx, [wallet.identity_id])
    await adjustments.add(
        tx,
        {
            "id": row_id,
            "key": asked.key,
            "wallet_id": wallet.id,
            "identity_id": wallet.identity_id,
            "customer_id": wallet.owner_id,
            "points": asked.points,
            "reason": keys.seal(wallet.identity_id, "adjustment.reason", asked.reason),
            "actor": asked.actor,
            "occurred_at": journal.now,
            "booked_at": wallet.last_booked_at,
        },
    )
    await ledger.post(tx, journal)
    programme = await programmes.current(tx)
    moved = ledger.points_by_wallet(journal.postings, booked, Account.ADJUSTED) or {wallet.id: asked.points}
    event = PointsEarned if asked.points > 0 else PointsReversed
    for wallet_id, points in moved.items():
        mine = locked.by_id[wallet_id]
        tell_points(tx, event, programme, mine, points, cause=cause, booked=booked, at=journal.now)
    return AdjustmentDone(row_id, wallet.owner_id, journal.now, member.balance())

"""Undo a claim: cancel it, or take back what the member got."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.loyalty.earning.steps.stocks import give_piece_back
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.queries import postings, wallets
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.note_balance import note_balance
from services.loyalty.rewards.domain.giving_back import PaidByLot, give_back
from services.loyalty.rewards.domain.states import ClaimEnd, check_undoable
from services.loyalty.rewards.queries.claim_ids import id_of_claim
from services.loyalty.rewards.queries.find_claim import admit, find_claim
from services.loyalty.rewards.steps.telling import ToldClaim, tell_claim
from services.loyalty.rewards.storage import claims
from services.loyalty.settings import Settings
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.events.loyalty import RewardCancelled, RewardReturned

EVENTS: dict[ClaimEnd, type[RewardCancelled | RewardReturned]] = {
    ClaimEnd.CANCELLED: RewardCancelled,
    ClaimEnd.RETURNED: RewardReturned,
}


@dataclass(frozen=True, slots=True)
class UndoAsked:
    """A claim that shall be undone. `restocks`: whether the piece can be claimed again; None: as the reward says."""

    caller: Principal
    row_id: int | None
    end: ClaimEnd
    restocks: bool | None = None


async def undo_claim(tx: Tx, context: Context[Settings], asked: UndoAsked) -> None:
    """Give the points of a claim back to the lots that they came from, and its piece back to the stock. Once.

    A claim that was undone in this way before stays as it is. Raises UnknownClaim, and a refusal for a state that cannot be undone so.
    """
    admitted = await admit(tx, asked.caller, asked.row_id)
    taken = await postings.taken(tx, CauseKind.REWARD_CLAIM, [admitted.id], Account.REDEEMED)
    behind = await wallets.identities(tx, sorted({part.wallet_id for part in taken} | {admitted.wallet_id}))
    locked = await lock_wallets(tx, behind, create=False)
    found = await find_claim(tx, asked.caller, asked.row_id)
    record, wallet = found.record, locked.by_id[admitted.wallet_id]
    if record.ended_as == asked.end:
        return
    check_undoable(record.state, asked.end)
    lot_of = await lots.load_by_id(tx, locked, [part.lot_id for part in taken])
    await lots.load_payers(tx, locked, lot_of.values())
    members = _members(locked, behind)
    booking = await open_booking(tx, locked, members, rows=0, all_lots=True)
    own, now = locked.member(wallet.identity_id), booking.journal.now
    before = own.balance()
    posted = PostingCause(CauseKind.REWARD_RETURN, record.id)
    give_back(
        booking.journal, members, posted, [PaidByLot(lot_of[part.lot_id], part.points) for part in taken]
    )
    booking.journal.touch(wallet)
    restocks = _restocks(asked, restocks=found.document.restocks)
    # By the booking times of one wallet, what counted for a limit can be told whatever the clocks of two processes say.
    ended_at = wallet.last_booked_at
    ended = replace(record, ended_as=asked.end.value, ended_at=ended_at, restocked=restocks, updated_at=now)
    await claims.store(tx, ended)
    await close_booking(booking)
    if restocks:
        await give_piece_back(tx, record.reward)
    told = ToldClaim(id_of_claim(context.vault.numbers, record.id), wallet, record, found.document)
    tell_claim(tx, EVENTS[asked.end], told, now)
    note_balance(tx, wallet, before, own.balance())


def _members(locked: Locked, identity_ids: list[str]) -> list[Member]:
    """Return the members that own the wallets of these identities."""
    owned = {locked.wallets[identity_id].owner_id: locked.member(identity_id) for identity_id in identity_ids}
    return list(owned.values())


def _restocks(asked: UndoAsked, *, restocks: bool) -> bool:
    """Return whether the piece can be claimed again. A piece that was not handed over always can."""
    if asked.end is ClaimEnd.CANCELLED:
        return True
    return restocks if asked.restocks is None else asked.restocks

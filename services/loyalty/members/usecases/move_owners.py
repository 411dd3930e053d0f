"""Move identities to other owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.loyalty.ledger.domain import owning
from services.loyalty.ledger.domain.owning import OwnerMove
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.steps import ownership
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.ownership import OwnershipRecord
from services.loyalty.tiers.steps.restate_tiers import restate_tiers
from shared.db import Tx
from shared.events.base import Cause


async def move_owners(tx: Tx, moves: Sequence[OwnerMove], causes: Mapping[str, Cause]) -> None:
    """Give identities to other customers, as a merge or an unmerge says; only newer versions count.

    Nothing in the ledger moves but debts. `causes` says by identity what a change of tier will be caused by.
    """
    concerned = {identity_id for move in moves for identity_id in (move.identity_id, move.owner_id)}
    locked = await lock_wallets(tx, concerned, as_owners=True)
    members = [locked.member(identity_id) for identity_id in concerned]
    owners = [locked.member_of(move.owner_id) for move in moves]
    booking = await open_booking(tx, locked, [*members, *owners], rows=len(moves), all_lots=True)
    touched: dict[str, Member] = {}
    records = []
    for move in moves:
        if move.ownership_version > locked.wallets[move.identity_id].ownership_version:
            source, target = locked.member(move.identity_id), locked.member_of(move.owner_id)
            touched |= {source.owner_id: source, target.owner_id: target}
            records.append(_book(booking, move))
    last = moves[-1]
    await restate_tiers(booking, touched.values(), causes[last.identity_id], last.occurred_at)
    await ownership.record_changes(tx, records)
    await close_booking(booking, owners=True)


def _book(booking: Booking, move: OwnerMove) -> OwnershipRecord:
    """Move one wallet to its new owner, and return the row of the change."""
    locked, journal = booking.locked, booking.journal
    wallet, source = locked.wallets[move.identity_id], locked.member(move.identity_id)
    posted = PostingCause(CauseKind.OWNERSHIP, journal.next_id())
    target, version = locked.member_of(move.owner_id), move.ownership_version
    owning.move(journal, source, target, wallet, version, posted, move.occurred_at)
    return OwnershipRecord(
        id=posted.id,
        identity_id=move.identity_id,
        owner_id=move.owner_id,
        former_owner_id=source.owner_id,
        ownership_version=version,
        occurred_at=move.occurred_at,
        booked_at=wallet.last_booked_at,
    )

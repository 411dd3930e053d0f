"""The booking: what a use case passes along while it moves points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import settling, sliding
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.storage import holds, ids, lots, postings, programmes, terms, wallets
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Booking:
    """A transaction that moves points: its programme, the wallets that it holds locked, and its journal."""

    tx: Tx
    programme: Programme
    locked: Locked
    journal: Journal
    booked_before: dict[int, datetime]
    """When each wallet (by id) was last booked on before this booking."""


async def open_booking(
    tx: Tx, locked: Locked, members: Iterable[Member], *, rows: int, all_lots: bool = False
) -> Booking:
    """Open a booking for these members after their wallets are locked, and first book everything that is due.

    `rows` is how many ids facts and lots will take. Lots are loaded for members with points that are due or owed,
    or (`all_lots`) for all members, and with them their open holds.
    """
    programme = await programmes.current(tx)
    now, concerned = tx.now, {member.owner_id: member for member in members}
    needy = [member for member in concerned.values() if all_lots or member.owes() or member.is_due(now)]
    await lots.load_open(tx, locked, needy)
    await holds.load_open(tx, locked, needy)
    booked_before = {wallet.id: wallet.last_booked_at for wallet in locked.by_id.values()}
    journal = Journal(now, (await ids.reserve(tx, rows)).next)
    for member in concerned.values():
        settling.touch(journal, member)
    return Booking(tx, programme, locked, journal, booked_before)


async def reserve(booking: Booking, *, rows: int) -> None:
    """Take so many ids for facts and lots, where their number is known only after lots were loaded."""
    await ids.reserve(booking.tx, rows)


async def close_booking(booking: Booking, *, owners: bool = False) -> None:
    """Store everything that the journal holds: new lots, postings and the projections that they moved.

    `owners`: wallets may have changed their owner.
    """
    tx, journal = booking.tx, booking.journal
    if booking.programme.slides:
        await _slide_lots(booking)
    changed = [lot for lot_id, lot in journal.changed_lots.items() if lot_id not in journal.new_lots]
    await lots.store(tx, journal.new_lots.values(), changed, expiry=bool(journal.terms))
    await terms.add(tx, journal.terms)
    await postings.add(tx, journal.postings)
    await holds.store(tx, journal.changed_holds.values())
    await wallets.store(tx, journal.changed_wallets.values(), owners=owners)


async def _slide_lots(booking: Booking) -> None:
    """Move the expiry of the lots that slide, because of the activities of this booking and of those that were booked before it."""
    tx, journal, locked = booking.tx, booking.journal, booking.locked
    active = sliding.activities(journal)
    behind = {lot.id: lot for lot in sliding.to_catch_up(journal, booking.booked_before)}
    concerned = {*active, *(lot.wallet.id for lot in behind.values())}
    owners = sorted({locked.by_id[wallet_id].owner_id for wallet_id in concerned})
    members = [locked.members[owner_id] for owner_id in owners]
    await lots.load_open(tx, locked, members)
    if active:
        wallet_ids = [wallet.id for member in members for wallet in member.wallets]
        await lots.load_expired(tx, locked, wallet_ids, min(map(min, active.values())), journal.now)
    await ids.reserve(tx, sum(len(member.lots) for member in members))
    for member in members:
        wallet_ids = [wallet.id for wallet in member.wallets]
        instants = sorted({at for wallet_id in wallet_ids for at in active.get(wallet_id, ())})
        late = [
            lot
            for lot in member.lots.values()
            if lot.id in behind or sliding.is_back(lot, instants, journal.now)
        ]
        rest = [lot for lot in member.lots.values() if lot not in late]
        sliding.slide(journal, member, booking.programme, rest, instants)
        if late:
            before = await terms.activities(tx, wallet_ids, min(lot.earned_at for lot in late))
            sliding.slide(journal, member, booking.programme, late, sorted({*before, *instants}))

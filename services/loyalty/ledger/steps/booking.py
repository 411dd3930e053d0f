"""The booking: what a use case passes along while it moves points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.storage import holds, ids, lots, postings, programmes, wallets
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Booking:
    """A transaction that moves points: its programme, the wallets that it holds locked, and its journal."""

    tx: Tx
    programme: Programme
    locked: Locked
    journal: Journal


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
    journal = Journal(now, (await ids.reserve(tx, rows)).next)
    for member in concerned.values():
        settling.touch(journal, member)
    return Booking(tx, programme, locked, journal)


async def reserve(booking: Booking, *, rows: int) -> None:
    """Take so many ids for facts and lots, where their number is known only after lots were loaded."""
    await ids.reserve(booking.tx, rows)


async def close_booking(booking: Booking, *, owners: bool = False) -> None:
    """Store everything that the journal holds: new lots, postings and the projections that they moved.

    `owners`: wallets may have changed their owner.
    """
    tx, journal = booking.tx, booking.journal
    changed = [lot for lot_id, lot in journal.changed_lots.items() if lot_id not in journal.new_lots]
    await lots.store(tx, journal.new_lots.values(), changed)
    await postings.add(tx, journal.postings)
    await holds.store(tx, journal.changed_holds.values())
    await wallets.store(tx, journal.changed_wallets.values(), owners=owners)

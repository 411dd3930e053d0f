"""Open a booking for a hold that shall be changed."""

from __future__ import annotations

from dataclasses import dataclass

from services.loyalty.ledger.domain.wallets import Hold, Member, Wallet
from services.loyalty.ledger.steps import holds
from services.loyalty.ledger.steps.booking import Booking, open_booking
from services.loyalty.ledger.steps.holds import HoldRecord
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class OpenedHold:
    """A hold under the lock of its member. `hold` None: it has ended, and reading it again says how."""

    booking: Booking
    member: Member
    wallet: Wallet
    """The wallet of the identity that the hold is for."""
    hold: Hold | None


async def open_hold(tx: Tx, record: HoldRecord, *, rows: int) -> OpenedHold:
    """Lock the member of a hold, and return the hold as it stands then. `rows` is how many ids the change will take."""
    locked = await lock_wallets(tx, [record.identity_id], create=False)
    member = locked.member(record.identity_id)
    await holds.load_open(tx, locked, [member])
    booking = await open_booking(tx, locked, [member], rows=rows)
    return OpenedHold(booking, member, locked.by_id[record.wallet_id], member.holds.get(record.id))

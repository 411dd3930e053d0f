"""Cancel a hold."""

from __future__ import annotations

from services.loyalty.checkout.domain.states import HoldState, refuse_ended
from services.loyalty.checkout.queries.find_hold import admit, find_hold
from services.loyalty.checkout.steps.open_hold import open_hold
from services.loyalty.coupons.steps.claiming import release_codes
from services.loyalty.ledger.domain import holding
from services.loyalty.ledger.steps.booking import close_booking
from services.loyalty.ledger.steps.note_balance import note_balance
from shared.auth.principal import Principal
from shared.db import Tx


async def cancel_hold(tx: Tx, caller: Principal, row_id: int | None) -> None:
    """Give the points and the codes of a hold back, now. A cancelled hold stays as it is.

    Raises UnknownHold, and HoldCommitted or HoldExpired if it ended in another way.
    """
    opened = await open_hold(tx, await admit(tx, caller, row_id), rows=0)
    journal, member, before = opened.booking.journal, opened.member, opened.member.balance()
    if opened.hold is not None:
        holding.cancel_hold(journal, member, opened.hold)
        await close_booking(opened.booking)
        await release_codes(tx, opened.hold.id, journal.now)
    else:
        state = (await find_hold(tx, caller, row_id)).state_at(journal.now)
        if state is not HoldState.CANCELLED:
            refuse_ended(state)
    note_balance(tx, opened.wallet, before, member.balance())

"""Extend a hold."""

from __future__ import annotations

from datetime import timedelta

from services.loyalty.checkout.domain.states import refuse_ended
from services.loyalty.checkout.queries.find_hold import admit, find_hold
from services.loyalty.checkout.refusals import HOLD_LIFE_SECONDS_MAX, HoldExpired, HoldTooLong
from services.loyalty.checkout.steps.open_hold import open_hold
from services.loyalty.coupons.steps.claiming import extend_codes
from services.loyalty.ledger.steps.booking import close_booking
from services.loyalty.ledger.steps.note_balance import note_balance
from shared.auth.principal import Principal
from shared.db import Tx


async def extend_hold(tx: Tx, caller: Principal, row_id: int | None, seconds: int) -> None:
    """Hold points for at least so many seconds from now on. It never shortens a hold, so a repeat does no harm.

    Raises UnknownHold, HoldTooLong, and a refusal for each way in which a hold ends.
    """
    record = await admit(tx, caller, row_id)
    opened = await open_hold(tx, record, rows=0)
    hold, journal = opened.hold, opened.booking.journal
    if hold is None:
        refuse_ended((await find_hold(tx, caller, row_id)).state_at(journal.now))
    expires_at = journal.now + timedelta(seconds=seconds)
    if expires_at > record.opened_at + timedelta(seconds=HOLD_LIFE_SECONDS_MAX):
        raise HoldTooLong
    if expires_at > hold.expires_at:
        hold.expires_at = expires_at
        journal.changed_holds[hold.id] = hold
    await close_booking(opened.booking)
    if not await extend_codes(tx, hold.id, hold.expires_at):
        raise HoldExpired
    balance = opened.member.balance()
    note_balance(tx, opened.wallet, balance, balance)

"""The states of a hold."""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn

from services.loyalty.checkout.refusals import HoldCancelled, HoldCommitted, HoldExpired
from services.loyalty.ledger.domain.wallets import HoldEnd


class HoldState(StrEnum):
    """The state of a hold: open until it ends, in one of three ways."""

    OPEN = "open"
    COMMITTED = HoldEnd.COMMITTED.value
    CANCELLED = HoldEnd.CANCELLED.value
    EXPIRED = HoldEnd.EXPIRED.value


def refuse_ended(state: HoldState) -> NoReturn:
    """Refuse to change a hold that has ended, by the way in which it did."""
    match state:
        case HoldState.COMMITTED:
            raise HoldCommitted
        case HoldState.CANCELLED:
            raise HoldCancelled
        case _:
            raise HoldExpired

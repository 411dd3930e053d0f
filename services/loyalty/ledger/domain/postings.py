"""The posting: one row with two sides, so that it balances by construction."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple


class Account(IntEnum):
    """The accounts between which points move. ACTIVE to DEFICIT are the member's; the rest are the programme's."""

    ISSUED = 1
    ACTIVE = 2
    PENDING = 3
    HELD = 4
    DEFICIT = 5
    REDEEMED = 6
    EXPIRED = 7
    ADJUSTED = 8
    OPENING = 9
    PARTNER_FUNDING = 10
    PARTNER_RECEIVABLE = 11


class CauseKind(IntEnum):
    """The kinds of fact that move points."""

    PURCHASE = 1
    RETURN = 2
    REDEMPTION = 3
    ADJUSTMENT = 4
    REMEDY = 5
    LOT_ACTIVATE = 6
    LOT_EXPIRE = 7
    OWNERSHIP = 8
    OPENING = 9
    HOLD = 10
    HOLD_CANCEL = 11
    HOLD_TTL = 12
    GOAL = 13
    TRANSFER = 14
    REWARD_CLAIM = 15
    REWARD_RETURN = 16
    ACTIVITY = 17
    ACTIVITY_REVERSAL = 18
    LOT_SLIDE = 19
    TERM_EXPIRE = 20


class PostingCause(NamedTuple):
    """The fact row that a posting hangs on: its kind and its local id."""

    kind: CauseKind
    id: int

    @property
    def prefix(self) -> str:
        """Return the prefix of the id of the ledger transaction: of all postings with this cause."""
        return f"txn_{self.kind.name.lower()}"


class Posting(NamedTuple):
    """`points` (> 0) moved from one account to another because of `cause`.

    The lot and wallet are those of the from side; `to_lot_id` and `to_wallet_id` are set only when the other
    side is another lot. `occurred_at` is effective time, `booked_at` booking time. Ids are given when it is stored.
    """

    cause: PostingCause
    ordinal: int
    from_account: Account
    to_account: Account
    wallet_id: int
    lot_id: int
    to_wallet_id: int | None
    to_lot_id: int | None
    points: int
    occurred_at: datetime
    booked_at: datetime

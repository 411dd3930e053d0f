"""The instants from which postings count, and the accounts that hold the points of members.

Whoever asks for the books of an instant wants what was due by then, whether or not a sweeper had come. So a posting that time
brought counts from its effective time on, and any other from its booking.
"""

from __future__ import annotations

from services.loyalty.ledger.domain.postings import Account, CauseKind

BOOKED: frozenset[CauseKind] = frozenset(
    {
        CauseKind.PURCHASE,
        CauseKind.RETURN,
        CauseKind.REDEMPTION,
        CauseKind.ADJUSTMENT,
        CauseKind.REMEDY,
        CauseKind.OWNERSHIP,
        CauseKind.OPENING,
        CauseKind.TRANSFER,
        CauseKind.GOAL,
        CauseKind.ACTIVITY,
        CauseKind.ACTIVITY_REVERSAL,
        CauseKind.HOLD,
        CauseKind.HOLD_CANCEL,
        CauseKind.REWARD_CLAIM,
        CauseKind.REWARD_RETURN,
        CauseKind.LOT_SLIDE,
    }
)
"""The causes whose postings count from their booking on."""
DUE: frozenset[CauseKind] = frozenset(
    {CauseKind.LOT_ACTIVATE, CauseKind.LOT_EXPIRE, CauseKind.TERM_EXPIRE, CauseKind.HOLD_TTL}
)
"""The causes that time brings. Every writer books them first, so they count from the instant at which they fell due."""

ASSETS: frozenset[Account] = frozenset({Account.ACTIVE, Account.PENDING, Account.HELD})
"""The accounts with the points that members have."""
MEMBERS: frozenset[Account] = ASSETS | {Account.DEFICIT}
"""The accounts that members have: their points, less what they owe. All other accounts are the programme's."""
GRANTING: frozenset[Account] = frozenset(
    {Account.ISSUED, Account.ADJUSTED, Account.OPENING, Account.PARTNER_FUNDING}
)
"""The accounts out of which new lots come."""

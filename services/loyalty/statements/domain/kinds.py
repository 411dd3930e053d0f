"""The words by which statements call the facts of a ledger."""

from enum import StrEnum

from services.loyalty.ledger.domain.postings import CauseKind


class LedgerEntryKind(StrEnum):
    """The kind of fact behind an entry of the ledger."""

    PURCHASE = "purchase"
    RETURN = "return"
    REDEMPTION = "redemption"
    ADJUSTMENT = "adjustment"
    REMEDY = "remedy"
    ACTIVATION = "activation"
    EXPIRY = "expiry"
    OWNERSHIP = "ownership"
    HOLD = "hold"
    HOLD_CANCELLED = "hold_cancelled"
    HOLD_EXPIRED = "hold_expired"
    GOAL = "goal"
    OPENING = "opening"
    REWARD_CLAIM = "reward_claim"
    REWARD_RETURN = "reward_return"
    ACTIVITY = "activity"
    ACTIVITY_REVERSAL = "activity_reversal"
    TRANSFER = "transfer"
    EXPIRY_MOVED = "expiry_moved"


KIND = {
    CauseKind.PURCHASE: LedgerEntryKind.PURCHASE,
    CauseKind.RETURN: LedgerEntryKind.RETURN,
    CauseKind.REDEMPTION: LedgerEntryKind.REDEMPTION,
    CauseKind.ADJUSTMENT: LedgerEntryKind.ADJUSTMENT,
    CauseKind.REMEDY: LedgerEntryKind.REMEDY,
    CauseKind.LOT_ACTIVATE: LedgerEntryKind.ACTIVATION,
    CauseKind.LOT_EXPIRE: LedgerEntryKind.EXPIRY,
    CauseKind.TERM_EXPIRE: LedgerEntryKind.EXPIRY,
    CauseKind.LOT_SLIDE: LedgerEntryKind.EXPIRY_MOVED,
    CauseKind.OWNERSHIP: LedgerEntryKind.OWNERSHIP,
    CauseKind.HOLD: LedgerEntryKind.HOLD,
    CauseKind.HOLD_CANCEL: LedgerEntryKind.HOLD_CANCELLED,
    CauseKind.HOLD_TTL: LedgerEntryKind.HOLD_EXPIRED,
    CauseKind.GOAL: LedgerEntryKind.GOAL,
    CauseKind.OPENING: LedgerEntryKind.OPENING,
    CauseKind.REWARD_CLAIM: LedgerEntryKind.REWARD_CLAIM,
    CauseKind.REWARD_RETURN: LedgerEntryKind.REWARD_RETURN,
    CauseKind.ACTIVITY: LedgerEntryKind.ACTIVITY,
    CauseKind.ACTIVITY_REVERSAL: LedgerEntryKind.ACTIVITY_REVERSAL,
    CauseKind.TRANSFER: LedgerEntryKind.TRANSFER,
}

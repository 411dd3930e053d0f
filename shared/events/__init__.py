"""The contracts between the services: every event that may be published, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.events.base import Cause, Event
from shared.events.erasure import Wiped
from shared.events.feedback import (
    ComplaintAnswered,
    ComplaintClosed,
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    FeedbackErasureDone,
    RemedyGranted,
    RemedySettled,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
)
from shared.events.loyalty import (
    LoyaltyErasureDone,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RemedyRefused,
    TierChanged,
)
from shared.events.profile import (
    CustomerAttributes,
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.events.scoring import ScoreUpdated, ScoringErasureDone

ALL: tuple[type[Event], ...] = (
    PurchaseRecorded,
    PurchaseReturned,
    CustomerRegistered,
    CustomerUpdated,
    CustomerMerged,
    CustomerUnmerged,
    CustomerErased,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RemedyRefused,
    TierChanged,
    LoyaltyErasureDone,
    ComplaintOpened,
    ComplaintAnswered,
    ComplaintResolved,
    ComplaintClosed,
    ComplaintReopened,
    SlaWarned,
    SlaBreached,
    SlaBreachWithdrawn,
    RemedyGranted,
    RemedySettled,
    FeedbackErasureDone,
    ScoreUpdated,
    ScoringErasureDone,
)

BY_TYPE: Mapping[str, type[Event]] = MappingProxyType({event.type: event for event in ALL})

__all__ = [
    "ALL",
    "BY_TYPE",
    "Cause",
    "ComplaintAnswered",
    "ComplaintClosed",
    "ComplaintOpened",
    "ComplaintReopened",
    "ComplaintResolved",
    "CustomerAttributes",
    "CustomerErased",
    "CustomerMerged",
    "CustomerRegistered",
    "CustomerUnmerged",
    "CustomerUpdated",
    "Event",
    "FeedbackErasureDone",
    "LoyaltyErasureDone",
    "PointsEarned",
    "PointsRedeemed",
    "PointsReversed",
    "PurchaseLine",
    "PurchaseRecorded",
    "PurchaseReturned",
    "RemedyGranted",
    "RemedyRefused",
    "RemedySettled",
    "ReturnedLine",
    "ScoreUpdated",
    "ScoringErasureDone",
    "SlaBreachWithdrawn",
    "SlaBreached",
    "SlaWarned",
    "TierChanged",
    "Wiped",
]

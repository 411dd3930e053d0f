"""Judge a code that somebody typed: whether it can be used for a cart, and what a stranger may know of the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.loyalty.coupons.domain.document import CouponDocument


class CodeRefusal(StrEnum):
    """The reason why a code is refused.

    `code_not_valid`: there is no such code. `not_yet`: its time has not begun. `over`: its time has passed. `used_up`: it was used, or is held, as often as it can be. `limit_reached`: the member used such codes as often
    as one member can. `channel_limit_reached`: it was used in this channel as often as it can be. `member_needed`: only members can use it.
    `same_coupon`: another code of the coupon came first.
    """

    CODE_NOT_VALID = "code_not_valid"
    NOT_YET = "not_yet"
    OVER = "over"
    USED_UP = "used_up"
    LIMIT_REACHED = "limit_reached"
    CHANNEL_LIMIT_REACHED = "channel_limit_reached"
    MEMBER_NEEDED = "member_needed"
    SAME_COUPON = "same_coupon"


@dataclass(frozen=True, slots=True)
class Standing:
    """A code as it stands for one cart.

    `room`: how often the code can still be used; `room_of_coupon`: all codes together; `room_of_channel`: in the cart's channel (None: the channel has no limit). `uses`: how often the
    member used codes of the coupon in the period of now; None: the cart has no member.
    """

    document: CouponDocument
    is_archived: bool
    batch_from: datetime | None
    batch_until: datetime | None
    room: int
    room_of_coupon: int
    room_of_channel: int | None
    uses: int | None


def refusal(standing: Standing, at: datetime) -> CodeRefusal | None:
    """Return why a code cannot be used for a cart; None: it can be."""
    return _by_time(standing, at) or _by_room(standing)


def _by_time(standing: Standing, at: datetime) -> CodeRefusal | None:
    document, begin, end = standing.document, standing.batch_from, standing.batch_until
    if document.is_early(at) or (begin is not None and at < begin):
        return CodeRefusal.NOT_YET
    is_late = document.is_late(at) or (end is not None and end <= at)
    return CodeRefusal.OVER if standing.is_archived or is_late else None


def _by_room(standing: Standing) -> CodeRefusal | None:
    if standing.room <= 0 or standing.room_of_coupon <= 0:
        return CodeRefusal.USED_UP
    if standing.room_of_channel is not None and standing.room_of_channel <= 0:
        return CodeRefusal.CHANNEL_LIMIT_REACHED
    limit = standing.document.limits.member
    if limit is None:
        return None
    if standing.uses is None:
        return CodeRefusal.MEMBER_NEEDED
    return CodeRefusal.LIMIT_REACHED if standing.uses >= limit.uses else None

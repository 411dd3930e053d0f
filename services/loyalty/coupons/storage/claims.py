"""The statements on claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import and_, func, or_, select, update

from services.loyalty.coupons.domain.states import CodeClaimState
from services.loyalty.coupons.storage.tables import (
    CLAIM_CHANGES,
    CouponClaimRecord,
    coupon_claim,
    coupon_code,
)
from shared.db import Read, Tx, any_of, columns_of

FREE_MAX = 200
"""Claims that are over, and are freed by one hold that needs their room."""
_C = coupon_claim.c
_SELECT = select(*columns_of(coupon_claim, CouponClaimRecord))
_HELD = _C.state == CodeClaimState.HELD.value
_USED = _C.state == CodeClaimState.COMMITTED.value


@dataclass(frozen=True, slots=True)
class Freeable:
    """The claims whose room a cart can have: those that are over, and those of the member's own holds that it takes the place of.

    `hold_ids`: these holds. `wallet_ids`: the member, whose claims that are over are freed whether or not their room is needed.
    `coupons`: those of the cart; `short`: those of them that have no room. `code_ids`: the codes of the cart.
    """

    now: datetime
    code_ids: Sequence[int]
    coupons: Sequence[str]
    short: Sequence[str]
    wallet_ids: Sequence[int]
    hold_ids: Sequence[int]


async def freeable(read: Read, wanted: Freeable) -> list[CouponClaimRecord]:
    """Return the claims whose room a cart can have."""
    is_over = _C.expires_at <= wanted.now
    chosen = [and_(any_of(_C.code_id, wanted.code_ids), is_over)]
    if wanted.short:
        chosen.append(and_(any_of(_C.coupon, wanted.short), is_over))
    if wanted.wallet_ids:
        own = any_of(_C.wallet_id, wanted.wallet_ids)
        chosen.append(and_(own, any_of(_C.coupon, wanted.coupons), is_over))
    if wanted.hold_ids:
        chosen.append(any_of(_C.hold_id, wanted.hold_ids))
    statement = _SELECT.where(_HELD, or_(*chosen)).order_by(_C.id).limit(FREE_MAX)
    return await read.read_records(CouponClaimRecord, statement)


async def open_holds(read: Read, wallet_ids: Sequence[int], coupons: Sequence[str]) -> list[int]:
    """Return the holds of a member that have codes of these coupons."""
    mine = (
        select(_C.hold_id)
        .distinct()
        .where(any_of(_C.wallet_id, wallet_ids), any_of(_C.coupon, coupons), _HELD)
    )
    return [hold_id for (hold_id,) in await read.all(mine)]


async def count_uses(
    read: Read,
    wallet_ids: Sequence[int],
    coupon: str,
    since: datetime | None,
    at: datetime,
    without: Sequence[int],
) -> int:
    """Return how often a member has used codes of a coupon since an instant (None: ever), with those that are held and not over at `at`.

    Claims of the holds `without` do not count.
    """
    counts = or_(_USED, and_(_HELD, _C.expires_at > at))
    statement = select(func.count()).where(any_of(_C.wallet_id, wallet_ids), _C.coupon == coupon, counts)
    if since is not None:
        statement = statement.where(_C.claimed_at >= since)
    if without:
        statement = statement.where(~any_of(_C.hold_id, without))
    return await read.scalar(statement) or 0


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[CouponClaimRecord]:
    """Return the claims with these row ids."""
    return await read.read_records(CouponClaimRecord, _SELECT.where(any_of(_C.id, row_ids)))


async def of_holds(read: Read, hold_ids: Sequence[int]) -> list[CouponClaimRecord]:
    """Return the claims of these holds, in order."""
    return await read.read_records(
        CouponClaimRecord, _SELECT.where(any_of(_C.hold_id, hold_ids)).order_by(_C.id)
    )


async def of_codes(read: Read, code_ids: Sequence[int]) -> list[CouponClaimRecord]:
    """Return the claims that use or hold these codes."""
    return await read.read_records(
        CouponClaimRecord, _SELECT.where(or_(_HELD, _USED), any_of(_C.code_id, code_ids))
    )


async def used_for(read: Read, order_tokens: Sequence[bytes]) -> list[CouponClaimRecord]:
    """Return the claims that were used for these orders and not given back."""
    statement = _SELECT.where(any_of(_C.order_token, order_tokens), _USED).order_by(_C.id)
    return await read.read_records(CouponClaimRecord, statement)


async def add(tx: Tx, records: Sequence[CouponClaimRecord]) -> None:
    """Store new claims."""
    await tx.insert_records(coupon_claim, records)


async def store(tx: Tx, changed: Iterable[CouponClaimRecord]) -> None:
    """Store the states of these claims."""
    records = sorted(changed, key=attrgetter("id"))
    await tx.update_records(coupon_claim, records, columns=("state", *CLAIM_CHANGES))


async def extend(tx: Tx, hold_id: int, expires_at: datetime) -> None:
    """Store until when the claims of a hold last."""
    await tx.execute(update(coupon_claim).where(_C.hold_id == hold_id, _HELD).values(expires_at=expires_at))


@dataclass(frozen=True, slots=True)
class ClaimsOfQuotas:
    """The number of claims in a state that were taken from the same quotas."""

    quotas: tuple[str, ...]
    state: str
    number: int


async def by_quotas(read: Read) -> list[ClaimsOfQuotas]:
    """Return how many claims use or hold each set of quotas."""
    statement = (
        select(_C.quotas, _C.state, func.count().label("number"))
        .where(or_(_HELD, _USED))
        .group_by(_C.quotas, _C.state)
    )
    return await read.read_records(ClaimsOfQuotas, statement)


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[CouponClaimRecord]:
    """Return all claims of these wallets, in order."""
    statement = _SELECT.where(any_of(_C.wallet_id, wallet_ids)).order_by(_C.id)
    return await read.read_records(CouponClaimRecord, statement)


async def codes_without_claims(read: Read, limit: int) -> list[int]:
    """Return codes that are used or held, though no claim says so."""
    code = coupon_code.c
    claimed = select(_C.id).where(_C.code_id == code.id, or_(_HELD, _USED)).exists()
    statement = select(code.id).where(code.used + code.held > 0, ~claimed).order_by(code.id).limit(limit)
    return [row_id for (row_id,) in await read.all(statement)]

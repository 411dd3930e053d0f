"""Claim codes for a hold, and end such claims.

Whoever changes a claim holds the locks of its quotas and then of its code, and reads the claim under them. So a claim whose time is over is freed by
whoever needs its room, and a commit that comes at the same moment sees that it is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.loyalty.coupons.domain.accepting import AcceptedCode, RefusedCode, short_of_room
from services.loyalty.coupons.domain.judging import CodeRefusal
from services.loyalty.coupons.domain.states import CodeClaimState
from services.loyalty.coupons.storage import claims, codes
from services.loyalty.coupons.storage.claims import Freeable
from services.loyalty.coupons.storage.tables import CouponClaimRecord
from services.loyalty.earning.domain.budgets import BudgetKey, Quota, uses_named
from services.loyalty.earning.queries.uses import uses
from services.loyalty.earning.steps.uses import lock_uses
from services.loyalty.earning.steps.uses import shift as shift_uses
from services.loyalty.ledger.steps.booking import Booking, reserve
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Claiming:
    """A hold that takes codes. `wallet_ids`: all wallets of its member. `replaces`: the hold whose place it takes."""

    hold_id: int
    wallet_id: int
    wallet_ids: Sequence[int]
    channel: str | None
    expires_at: datetime
    replaces: int | None


async def claim_codes(
    booking: Booking, claiming: Claiming, wanted: Sequence[tuple[AcceptedCode, tuple[str, ...]]]
) -> list[RefusedCode]:
    """Take a use of each code for a hold, and free what the hold takes the place of; return the codes that others took meanwhile.

    Nothing but the outbox is written after it. If a code is returned, the caller refuses the hold, and nothing is kept.
    """
    tx, now = booking.tx, booking.journal.now
    keys = {code.number: code.quotas(claiming.channel) for code, _ in wanted}
    all_keys = {key for of_code in keys.values() for key in of_code}
    replaced = [] if claiming.replaces is None else [claiming.replaces]
    if not wanted and not (replaced and await claims.of_holds(tx, replaced)):
        return []
    freeable = await claims.freeable(
        tx,
        Freeable(
            now=now,
            code_ids=[code.code_id for code, _ in wanted],
            coupons=sorted({code.coupon for code, _ in wanted}),
            short=short_of_room(await uses(tx, all_keys)),
            wallet_ids=claiming.wallet_ids if wanted else (),
            hold_ids=replaced,
        ),
    )
    shares = await _lock(tx, freeable, all_keys, [code.code_id for code, _ in wanted])
    freed = [
        claim for claim in await _held(tx, freeable) if claim.expires_at <= now or claim.hold_id in replaced
    ]
    shares.move(freed, CodeClaimState.RELEASED)
    await claims.store(tx, (_ended(claim, CodeClaimState.RELEASED, now) for claim in freed))
    refused = [
        RefusedCode(code.number, reason, code.coupon, code.document)
        for code, _ in wanted
        if (reason := shares.refusal(code, keys[code.number])) is not None
    ]
    if refused:
        return refused
    await reserve(booking, rows=len(wanted))
    taken = [
        CouponClaimRecord(
            id=booking.journal.next_id(),
            hold_id=claiming.hold_id,
            code_id=code.code_id,
            coupon=code.coupon,
            version=code.version,
            wallet_id=claiming.wallet_id,
            quotas=tuple(key.stored for key in keys[code.number]),
            promotions=promotions,
            claimed_at=now,
            state=CodeClaimState.HELD.value,
            expires_at=claiming.expires_at,
        )
        for code, promotions in wanted
    ]
    shares.take(taken)
    await claims.add(tx, taken)
    await shares.store(tx)
    return []


async def release_codes(tx: Tx, hold_id: int, now: datetime) -> None:
    """Free the codes of a hold that ends without an order."""
    await _end(tx, await claims.of_holds(tx, [hold_id]), CodeClaimState.RELEASED, now)


async def commit_codes(
    tx: Tx, hold_id: int, order_token: bytes, now: datetime
) -> list[CouponClaimRecord] | None:
    """Use the codes of a hold for an order, and return their claims; None if others have got one of them meanwhile."""
    wanted = await claims.of_holds(tx, [hold_id])
    ended = await _end(tx, wanted, CodeClaimState.COMMITTED, now, order_token)
    return ended if len(ended) == len(wanted) else None


async def extend_codes(tx: Tx, hold_id: int, expires_at: datetime) -> bool:
    """Hold the codes of a hold longer, and return whether it still had all of them."""
    wanted = await claims.of_holds(tx, [hold_id])
    if not wanted:
        return True
    await _lock(tx, wanted)
    if len(await _held(tx, wanted)) < len(wanted):
        return False
    await claims.extend(tx, hold_id, expires_at)
    return True


async def give_codes_back(tx: Tx, used: Sequence[CouponClaimRecord], now: datetime) -> None:
    """Let codes be used again whose orders were returned as a whole, once."""
    if not used:
        return
    shares = await _lock(tx, used)
    still = [
        claim
        for claim in await claims.by_ids(tx, [claim.id for claim in used])
        if claim.state == CodeClaimState.COMMITTED
    ]
    shares.move(still, CodeClaimState.GIVEN_BACK)
    await claims.store(tx, (_ended(claim, CodeClaimState.GIVEN_BACK, now) for claim in still))
    await shares.store(tx)


async def _end(
    tx: Tx,
    wanted: Sequence[CouponClaimRecord],
    state: CodeClaimState,
    now: datetime,
    order_token: bytes | None = None,
) -> list[CouponClaimRecord]:
    """End those of these claims that are still held, and return them."""
    if not wanted:
        return []
    shares = await _lock(tx, wanted)
    held = await _held(tx, wanted)
    shares.move(held, state)
    ended = [_ended(claim, state, now, order_token) for claim in held]
    await claims.store(tx, ended)
    await shares.store(tx)
    return ended


def _ended(
    claim: CouponClaimRecord, state: CodeClaimState, now: datetime, order_token: bytes | None = None
) -> CouponClaimRecord:
    if state is CodeClaimState.COMMITTED:
        return replace(claim, state=state.value, order_token=order_token, committed_at=now)
    return replace(claim, state=state.value, ended_at=now)


async def _held(tx: Tx, wanted: Iterable[CouponClaimRecord]) -> list[CouponClaimRecord]:
    """Return those of these claims that are held, as they are under the locks of their codes."""
    row_ids = [claim.id for claim in wanted]
    found = await claims.by_ids(tx, row_ids) if row_ids else []
    return [claim for claim in found if claim.state == CodeClaimState.HELD]


class _Shares:
    """Locked quotas and codes, and how their uses change."""

    def __init__(self, quotas: dict[BudgetKey, Quota], rooms: dict[int, int]) -> None:
        self._quotas = quotas
        self._rooms = rooms
        self._used: Counter[BudgetKey | int] = Counter()
        self._held: Counter[BudgetKey | int] = Counter()

    def move(self, moved: Iterable[CouponClaimRecord], state: CodeClaimState) -> None:
        """Count claims that change to a state."""
        for claim in moved:
            used, held = claim.uses
            self._count(claim, int(state is CodeClaimState.COMMITTED) - used, -held)

    def take(self, taken: Iterable[CouponClaimRecord]) -> None:
        """Count new claims."""
        for claim in taken:
            self._count(claim, 0, 1)

    def refusal(self, code: AcceptedCode, keys: Sequence[BudgetKey]) -> CodeRefusal | None:
        """Return why a use of a code cannot be taken any more; None: there is room."""
        for key in keys:
            if self._quotas[key].room - self._used[key] - self._held[key] < 1:
                is_channel = ":" in key.code
                return CodeRefusal.CHANNEL_LIMIT_REACHED if is_channel else CodeRefusal.USED_UP
        row_id = code.code_id
        is_full = self._rooms[row_id] - self._used[row_id] - self._held[row_id] < 1
        return CodeRefusal.USED_UP if is_full else None

    async def store(self, tx: Tx) -> None:
        """Store the changes."""
        for key in sorted(self._quotas):
            if self._used[key] or self._held[key]:
                await shift_uses(tx, key, used=self._used[key], held=self._held[key])
        for row_id in sorted(self._rooms):
            if self._used[row_id] or self._held[row_id]:
                await codes.shift(tx, row_id, used=self._used[row_id], held=self._held[row_id])

    def _count(self, claim: CouponClaimRecord, used: int, held: int) -> None:
        shares: list[BudgetKey | int] = [claim.code_id, *map(uses_named, claim.quotas)]
        for share in shares:
            self._used[share] += used
            self._held[share] += held


async def _lock(
    tx: Tx,
    moved: Iterable[CouponClaimRecord],
    keys: Iterable[BudgetKey] = (),
    code_ids: Iterable[int] = (),
) -> _Shares:
    """Lock everything that these claims take, and these quotas and codes: quotas first, then codes, each sorted and in one statement."""
    listed = list(moved)
    all_keys = {*keys, *(uses_named(stored) for claim in listed for stored in claim.quotas)}
    quotas = await lock_uses(tx, all_keys)
    locked = await codes.lock(tx, {*code_ids, *(claim.code_id for claim in listed)})
    return _Shares(quotas, {row_id: record.room for row_id, record in locked.items()})

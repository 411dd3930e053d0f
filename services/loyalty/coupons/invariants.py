"""The invariants of coupons: codes and quotas are used and held as their claims say, and claims are as their holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from services.loyalty.coupons.domain.states import CodeClaimState
from services.loyalty.coupons.storage import claims, codes
from services.loyalty.coupons.storage.tables import CouponClaimRecord
from services.loyalty.earning.queries.uses import all_uses
from services.loyalty.ledger.domain.wallets import HoldEnd, Wallet
from services.loyalty.ledger.queries import holds
from services.loyalty.ledger.queries.holds import HoldRecord
from services.loyalty.ledger.queries.verifying import over_wallets
from services.loyalty.ledger.queries.wallets import members_page
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULES = ("code_is_its_claims", "uses_are_claims", "code_claim_is_as_its_hold")
MISUSED_MAX = 100
"""Codes without claims that one pass tells."""
_USED = (CodeClaimState.COMMITTED, CodeClaimState.GIVEN_BACK)


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the claims of these wallets with their codes and their holds."""
    stored = await claims.of_wallets(read, [wallet.id for wallet in page])
    drifts = []
    if stored:
        of_holds = {
            record.id: record
            for record in await holds.by_ids(read, sorted({claim.hold_id for claim in stored}))
        }
        drifts = [*await _codes(read, stored), *_holds(stored, of_holds)]
    return [*drifts, *await _over_all(read, page)]


async def _codes(read: Read, stored: Sequence[CouponClaimRecord]) -> list[Drift]:
    code_ids = sorted({claim.code_id for claim in stored})
    used: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for claim in await claims.of_codes(read, code_ids):
        of_claim = claim.uses
        used[claim.code_id] += of_claim[0]
        held[claim.code_id] += of_claim[1]
    found = {record.id: (record.used, record.held) for record in await codes.by_ids(read, code_ids)}
    return [
        Drift(
            RULES[0],
            f"code_{row_id}",
            words(__name__, "drift_uses", stored=found.get(row_id), claimed=(used[row_id], held[row_id])),
        )
        for row_id in code_ids
        if found.get(row_id) != (used[row_id], held[row_id])
    ]


def _holds(stored: Sequence[CouponClaimRecord], of_holds: Mapping[int, HoldRecord]) -> Iterator[Drift]:
    """Compare claims with their holds. Of a hold that is over, the claims may still be held: whoever needs their room frees them."""
    for claim in stored:
        hold = of_holds.get(claim.hold_id)
        is_right = hold is not None and (claim.state in _USED) == (hold.ended_as == HoldEnd.COMMITTED)
        if hold is not None and claim.state == CodeClaimState.HELD:
            is_right &= hold.ended_as in (None, HoldEnd.EXPIRED)
        if not is_right:
            yield Drift(RULES[2], f"claim_{claim.id}", words(__name__, "drift_code_claim"))


async def _over_all(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare all quotas with all claims, once in each pass over the wallets: on the page of the first one."""
    first, _ = await members_page(read, 0, 1)
    if not first or first[0][0].id not in {wallet.id for wallet in page}:
        return []
    used: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for counted in await claims.by_quotas(read):
        for key in counted.quotas:
            (used if counted.state == CodeClaimState.COMMITTED else held)[key] += counted.number
    quotas = {key: (quota.used, quota.held) for key, quota in (await all_uses(read)).items()}
    drifts = [
        Drift(
            RULES[1],
            key,
            words(__name__, "drift_uses", stored=quotas.get(key), claimed=(used[key], held[key])),
        )
        for key in sorted(quotas.keys() | used.keys() | held.keys())
        if quotas.get(key, (0, 0)) != (used[key], held[key])
    ]
    without = await claims.codes_without_claims(read, MISUSED_MAX)
    return drifts + [
        Drift(RULES[0], f"code_{row_id}", words(__name__, "drift_no_claim")) for row_id in without
    ]


INVARIANTS = over_wallets(RULES, check)

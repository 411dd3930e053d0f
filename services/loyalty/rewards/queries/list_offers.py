"""List the rewards as a member sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.rewards.domain import offers
from services.loyalty.rewards.domain.offers import Claimant, Offer
from services.loyalty.rewards.queries.find_reward import FoundReward, with_versions
from services.loyalty.rewards.queries.member_tier import tier_at
from services.loyalty.rewards.storage import claims, rewards
from shared.db import Read


@dataclass(frozen=True, slots=True)
class MembersOffer:
    """A reward of the catalogue, and what a member would pay for it."""

    reward: FoundReward
    offer: Offer


async def list_offers(
    read: Read, found: FoundMember, now: datetime, *, after: str | None, limit: int
) -> list[MembersOffer]:
    """Return a page of the rewards that are not archived, by their codes, as a member sees them now."""
    page = await with_versions(read, await rewards.offered(read, after, limit))
    if not page:
        return []
    identity_id = found.member.wallets[0].identity_id
    tier = await tier_at(read, found.programme, found.locked, identity_id, now)
    claimed = await _claimed(read, found, page, now)
    active = max(found.member.balance().active, 0)
    return [
        MembersOffer(
            reward,
            offers.offer(
                reward.document,
                Claimant(tier, active, claimed.get(reward.record.code, 0)),
                reward.stock.room,
                now,
            ),
        )
        for reward in page
    ]


async def _claimed(
    read: Read, found: FoundMember, page: Sequence[FoundReward], now: datetime
) -> Mapping[str, int]:
    """Return the pieces of each reward that count for its limit of the member now."""
    limits = {reward.record.code: reward.document.limit for reward in page}
    limited = {code: limit for code, limit in limits.items() if limit is not None}
    zone = found.programme.zone_info
    since = {code: limit.since(now, zone) for code, limit in limited.items()}
    counted = dict.fromkeys(limited, 0)
    for piece in await claims.held(read, found.wallet_ids, sorted(limited)):
        begin = since[piece.reward]
        counted[piece.reward] += begin is None or piece.occurred_at >= begin
    return counted

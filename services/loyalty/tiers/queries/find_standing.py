"""Find the standing of a member as readers see it."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Standing
from services.loyalty.tiers.storage.windows import folds_of, load_windows, spends_booked
from shared.db import Read


async def find_standing(read: Read, found: FoundMember, now: datetime) -> Standing:
    """Return the standing as of now: spend that left the window does not count, whatever a writer has booked."""
    standing = tiers.standing_of(found.member, found.tier, found.programme)
    programme_folds = found.programme.folds  # a reader needs what is counted, and that is not stored
    has_ended = standing.due_at is not None and standing.due_at <= now
    if programme_folds or has_ended or standing.stale(now) or standing.is_restated(found.programme, now):
        await load_windows(read, found.programme, [standing], standing.missing())
        tiers.advance(standing, found.programme, now)
    return standing


async def find_standing_at(read: Read, found: FoundMember, as_of: datetime) -> Standing:
    """Return the standing at an instant by what was booked by then."""
    programme, member = found.programme, found.member
    if programme.folds:
        owner_of = dict.fromkeys(found.wallet_ids, member.owner_id)
        fold = (await folds_of(read, programme, owner_of, as_of))[member.owner_id]
        return Standing(member, fold.at(as_of).tier.code, None, None, {}, fold)
    spends = await spends_booked(read, programme, found.wallet_ids, as_of)
    standing = tiers.standing_of(member, None, programme)
    member.wallets[0].spend = sum(spend.amount_minor for spend in spends if spend.counts(as_of))
    standing.tier = programme.at(as_of).tier_of(standing.spend()).code
    return standing

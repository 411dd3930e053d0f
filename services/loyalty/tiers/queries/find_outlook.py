"""Find what a member misses to rise and to stay, and the tiers that the member had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.tiers.domain import outlook
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.outlook import Held, Rise, Stay
from services.loyalty.tiers.domain.standing import Standing
from services.loyalty.tiers.storage.windows import folds_of, load_windows, spends_booked
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Outlook:
    """The standing of a member, with what is missing to the next tier and to keep this one (None: nothing can be)."""

    standing: Standing
    rise: Rise | None
    stay: Stay | None


async def find_outlook(read: Read, found: FoundMember, now: datetime) -> Outlook:
    """Return the outlook as of now, whatever a writer has booked."""
    standing = tiers.standing_of(found.member, found.tier, found.programme)
    await load_windows(read, found.programme, [standing], standing.missing())
    tiers.advance(standing, found.programme, now)
    return Outlook(
        standing,
        outlook.rise_of(standing, found.programme, now),
        outlook.stay_of(standing, found.programme, now),
    )


async def find_history(read: Read, found: FoundMember, now: datetime) -> list[Held]:
    """Return the tiers that the member had, by all that is booked, the newest first."""
    if found.programme.folds:
        owner_of = dict.fromkeys(found.wallet_ids, found.member.owner_id)
        fold = (await folds_of(read, found.programme, owner_of, now))[found.member.owner_id]
        return outlook.history_in(fold, now)[::-1]
    spends = await spends_booked(read, found.programme, found.wallet_ids, now)
    return outlook.history_of(spends, found.programme, now)[::-1]

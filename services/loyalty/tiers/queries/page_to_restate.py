"""Find the members whose tier another version of the programme changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.queries import tier_states
from services.loyalty.ledger.queries.programme import read_programme, unrestated
from services.loyalty.ledger.queries.wallets import members_page
from services.loyalty.tiers.domain import standing as tiers
from shared.db import Read

PAGE_MAX = 500
"""The wallets of one page."""


@dataclass(frozen=True, slots=True)
class RestatedPage:
    """The members of a page whose tier a version of the programme may change, and the wallet behind which the next page begins.

    `next_after` None: it is the last page.
    """

    version: int
    identity_ids: list[str]
    next_after: int | None


async def page_to_restate(read: Read, now: datetime) -> RestatedPage | None:
    """Return the next page of the earliest version in force whose members were not all looked at; None: there is none."""
    waiting = await unrestated(read, now)
    if waiting is None:
        return None
    programme = await read_programme(read)
    members, last = await members_page(read, waiting.restated_after, PAGE_MAX)
    owners = {wallets[0].owner_id: wallets for wallets in members}
    stored = {state.owner_id: state for state in await tier_states.read(read, sorted(owners))}
    identity_ids = []
    for owner_id, wallets in owners.items():
        standing = tiers.standing_of(Member(owner_id, list(wallets)), stored.get(owner_id), programme)
        if standing.is_restated(programme, now) or standing.stale(now):
            identity_ids.append(wallets[0].identity_id)
    return RestatedPage(waiting.version, identity_ids, last)

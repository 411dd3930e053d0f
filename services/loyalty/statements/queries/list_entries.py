"""List the entries of a member's ledger: facts with their postings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.activities.queries import entries as of_activities
from services.loyalty.earning.queries import entries as of_goals
from services.loyalty.ledger.domain.entries import EntryKey, Fact, Side
from services.loyalty.ledger.domain.postings import PostingCause
from services.loyalty.ledger.queries import entries as of_ledger
from services.loyalty.openings.queries import entries as of_openings
from services.loyalty.purchases.queries import entries as of_purchases
from services.loyalty.redemptions.queries import entries as of_redemptions
from services.loyalty.remedies.queries import entries as of_remedies
from services.loyalty.rewards.queries import entries as of_rewards
from services.loyalty.transfers.queries import entries as of_transfers
from shared.db import Read, Slice


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact in a member's ledger with its postings.

    `fact` is None for what time brought (activation, expiry). An entry has a fact or a posting.
    """

    key: EntryKey
    fact: Fact | None
    sides: Sequence[Side]

    @property
    def occurred_at(self) -> datetime:
        """The effective time of the fact."""
        return self.fact.occurred_at if self.fact else self.sides[0].occurred_at

    @property
    def booked_at(self) -> datetime:
        """The booking time of the fact."""
        return self.fact.booked_at if self.fact else self.sides[0].booked_at


async def list_entries(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    of_order: Sequence[PostingCause] | None,
    asked: Slice,
) -> list[Entry]:
    """Return a page of the entries, in the order in which they were booked or in the reverse order.

    A fact with postings on these wallets is listed under its first posting, a fact that moved nothing under itself.
    `of_order`: only these facts of one order; None: all facts.
    """
    keys = [
        *await of_ledger.moved(read, wallet_ids, among=of_order, asked=asked),
        *await of_purchases.silent(read, wallet_ids, among=of_order, asked=asked),
    ]
    if of_order is None:  # a remedy is of a complaint, and an activity is no order
        keys += await of_activities.silent(read, wallet_ids, asked)
        keys += await of_remedies.silent(read, wallet_ids, asked)
    page = sorted(keys, reverse=asked.is_descending)[: asked.limit]
    facts = await _facts(read, [key.cause for key in page])
    sides: dict[PostingCause, list[Side]] = {key.cause: [] for key in page}
    for side in await of_ledger.sides(read, list(sides), wallet_ids):
        sides[side.cause].append(side)
    return [Entry(key, facts.get(key.cause), sides[key.cause]) for key in page]


async def _facts(read: Read, causes: Sequence[PostingCause]) -> dict[PostingCause, Fact]:
    facts = [
        *await of_ledger.facts(read, causes),
        *await of_purchases.facts(read, causes),
        *await of_redemptions.facts(read, causes),
        *await of_remedies.facts(read, causes),
        *await of_goals.facts(read, causes),
        *await of_openings.facts(read, causes),
        *await of_rewards.facts(read, causes),
        *await of_activities.facts(read, causes),
        *await of_transfers.facts(read, causes),
    ]
    return {fact.cause: fact for fact in facts}

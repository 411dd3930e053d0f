"""Find a member as readers see it: what is due counts as booked, without a write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal, no_ids
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member, TierState
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.storage import holds, lots, member_page, programmes
from shared.db import Read


@dataclass(frozen=True, slots=True)
class FoundMember:
    """A member with its stored tier (None: the lowest) and its programme. Lots are loaded as far as they were needed."""

    member: Member
    tier: TierState | None
    programme: Programme
    locked: Locked
    """The member's wallets; a reader locks nothing."""

    @property
    def wallet_ids(self) -> list[int]:
        """The ids of the member's wallets."""
        return [wallet.id for wallet in self.member.wallets]


async def find_member(read: Read, customer_id: str, now: datetime) -> FoundMember:
    """Return the member that this id belongs to, as of now.

    One statement, unless points fell due that no writer has booked yet, or the process has not read a version of the
    programme yet. Raises UnknownMember.
    """
    wallets = await member_page.find(read, customer_id)
    locked = Locked()
    locked.add(wallets)
    if locked.living(customer_id) is None:
        raise UnknownMember
    member, first = locked.member(customer_id), wallets[0]
    if member.is_due(now):
        await lots.load_open(read, locked, [member])
        await holds.load_open(read, locked, [member])
        settling.touch(Journal(now, no_ids), member)
    tier = None if first.tier is None else TierState(first.owner_id, first.tier, first.since, first.due_at)
    return FoundMember(member, tier, await programmes.of_timeline(read, first.timeline), locked)

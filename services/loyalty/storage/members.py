"""A member as readers see them: what is due counts as booked, without a write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from services.loyalty.domain import settling, tiers
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.programme import Programme, parse
from services.loyalty.domain.tiers import Standing
from services.loyalty.domain.wallets import Member, Wallet
from services.loyalty.storage import lots, standings, wallets
from services.loyalty.storage.tables import PROGRAMME, programme, tier_state, wallet
from services.loyalty.storage.wallets import Locked
from shared.db import Read

_OWNER = (
    select(wallet.c.owner_id)
    .where(wallet.c.identity_id == bindparam("customer_id"), wallet.c.programme_id == PROGRAMME)
    .scalar_subquery()
)
_STANDING = (tier_state.c.programme_id == wallet.c.programme_id) & (
    tier_state.c.owner_id == wallet.c.owner_id
)
_FIND = (  # built once: building it costs more than running it
    select(*wallets.COLUMNS, tier_state.c.tier, tier_state.c.since, tier_state.c.due_at, programme.c.document)
    .select_from(wallet)
    .join(programme, programme.c.id == wallet.c.programme_id)
    .outerjoin(tier_state, _STANDING)
    .where(wallet.c.owner_id == _OWNER, wallet.c.programme_id == PROGRAMME)
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A member, where they stand and by which programme; `wallets` holds their lots as far as they were needed."""

    member: Member
    standing: Standing
    programme: Programme
    locked: Locked


async def find(read: Read, customer_id: str, now: datetime) -> Seen | None:
    """The member this id belongs to, as of now; None if nobody of this id was heard of, or they were erased.

    One statement, unless something fell due that no writer has booked yet.
    """
    rows = await read.all(_FIND, {"customer_id": customer_id})
    if not rows:
        return None
    opened = parse(rows[0][-1])
    found = [Wallet(*row[:-4]) for row in rows]
    if any(each.erased_at is not None for each in found if each.identity_id == customer_id):
        return None
    locked = Locked()
    locked.add(found)
    member = locked.member(customer_id)
    standing = tiers.lowest(member, opened)
    tier, since, due_at = rows[0][-4:-1]
    if tier is not None:
        standing.tier, standing.since, standing.due_at = tier, since, due_at
    seen = Seen(member, standing, opened, locked)
    await _catch_up(read, seen, now)
    return seen


async def _catch_up(read: Read, seen: Seen, now: datetime) -> None:
    """Do in memory what a writer would book first."""
    if seen.member.is_due(now):
        await lots.load_open(read, seen.locked, [seen.member])
        settling.touch(Journal(now, no_ids), seen.member)
    has_ended = seen.standing.due_at is not None and seen.standing.due_at <= now
    if has_ended or seen.standing.stale(now):  # spend that dropped out is not shown, whatever the tier
        await standings.load_windows(read, seen.programme, [seen.standing], seen.standing.missing())
        tiers.advance(seen.standing, seen.programme, now)


def _refuse() -> int:
    raise AssertionError("a reader makes no lots")


no_ids: Callable[[], int] = _refuse

"""Where members stand: their tier, and the windows it is counted from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from services.loyalty.domain import tiers
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.tiers import Standing
from services.loyalty.domain.wallets import Member, Wallet
from services.loyalty.storage import purchases
from services.loyalty.storage.tables import PROGRAMME, tier_state
from services.loyalty.storage.wallets import LOCKED
from shared.db import Read, Tx, any_of

PAGE_MAX = 500


async def of(tx: Tx, programme: Programme, members: Iterable[Member]) -> dict[str, Standing]:
    """The standings of these members, whose wallets are locked; one object each in a transaction."""
    kept = tx.slot(LOCKED).standings
    missing = {member.owner_id: member for member in members if member.owner_id not in kept}
    if missing:
        kept.update(await read(tx, programme, missing.values()))
    return kept


async def read(read: Read, programme: Programme, members: Iterable[Member]) -> dict[str, Standing]:
    """The stored standings of these members."""
    found = {member.owner_id: tiers.lowest(member, programme) for member in members}
    c = tier_state.c
    statement = select(c.owner_id, c.tier, c.since, c.due_at).where(c.programme_id == PROGRAMME)
    for owner_id, tier, since, due_at in await read.all(statement.where(any_of(c.owner_id, sorted(found)))):
        standing = found[owner_id]
        standing.tier, standing.since, standing.due_at = tier, since, due_at
    return found


async def load_windows(
    read: Read, programme: Programme, standings: Iterable[Standing], missing: Sequence[Wallet]
) -> None:
    """Load the windows of these wallets of these members, for all of them at once."""
    found = await purchases.windows(read, programme, missing)
    for standing in standings:
        for wallet in standing.member.wallets:
            if wallet.id in found:
                standing.windows[wallet.id] = found[wallet.id]


async def due(read: Read, now: datetime) -> list[str]:
    """A page of members whose tier may have ended by now."""
    statement = select(tier_state.c.owner_id).where(tier_state.c.due_at <= now).order_by(tier_state.c.due_at)
    return [owner_id for (owner_id,) in await read.all(statement.limit(PAGE_MAX))]


async def store(tx: Tx, changed: Iterable[Standing]) -> None:
    """Store what changed."""
    rows = [
        {
            "programme_id": PROGRAMME,
            "owner_id": standing.member.owner_id,
            "tier": standing.tier,
            "since": standing.since,
            "due_at": standing.due_at,
        }
        for standing in changed
    ]
    await tx.upsert(
        tier_state, sorted(rows, key=lambda row: str(row["owner_id"])), key=["programme_id", "owner_id"]
    )


async def remove(tx: Tx, owner_ids: Sequence[str]) -> None:
    """Forget the standings of members who have no wallet left."""
    if owner_ids:
        await tx.execute(delete(tier_state).where(any_of(tier_state.c.owner_id, owner_ids)))

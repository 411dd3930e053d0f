"""The statements on the members' tiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import delete, select

from services.loyalty.ledger.domain.programme import PROGRAMME
from services.loyalty.ledger.domain.wallets import TierState
from services.loyalty.ledger.storage.tables import TierStateRecord, tier_state
from shared.db import Read, Tx, any_of, columns_of

_SELECT = select(*columns_of(tier_state, TierState))


async def read(read: Read, owner_ids: Sequence[str]) -> list[TierState]:
    """Return the stored tiers of these members; a member without one has the lowest."""
    mine = any_of(tier_state.c.owner_id, owner_ids)
    return await read.read_records(TierState, _SELECT.where(tier_state.c.programme_id == PROGRAMME, mine))


async def due(read: Read, now: datetime, limit: int) -> list[str]:
    """Return members whose tier may have ended by now, the longest waiting first."""
    statement = select(tier_state.c.owner_id).where(tier_state.c.due_at <= now).order_by(tier_state.c.due_at)
    return [owner_id for (owner_id,) in await read.all(statement.limit(limit))]


async def store(tx: Tx, states: Iterable[TierState]) -> None:
    """Store these tiers."""
    records = [
        TierStateRecord(PROGRAMME, state.owner_id, state.tier, state.since, state.due_at)
        for state in sorted(states, key=attrgetter("owner_id"))
    ]
    await tx.upsert_records(tier_state, records, key=["programme_id", "owner_id"])


async def remove(tx: Tx, owner_ids: Sequence[str]) -> None:
    """Remove the tiers of members that have no wallet left."""
    if owner_ids:
        await tx.execute(delete(tier_state).where(any_of(tier_state.c.owner_id, owner_ids)))

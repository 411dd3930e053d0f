"""The standings of the members whose wallets a transaction holds locked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.steps import tier_states
from services.loyalty.ledger.steps.lock_wallets import LOCKED
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Standing
from shared.db import Slot, Tx


class Standings:
    """Standings by owner. They refer to the wallets of `locked`, and are good for these only."""

    def __init__(self) -> None:
        self.locked: Locked | None = None
        self.by_owner: dict[str, Standing] = {}


_STANDINGS: Slot[Standings] = Slot("loyalty.standings", Standings)


async def of_members(tx: Tx, programme: Programme, members: Iterable[Member]) -> dict[str, Standing]:
    """Return the standings of these members, whose wallets are locked; one object per member in a transaction."""
    held = _held(tx)
    asked = {member.owner_id: member for member in members}
    missing = {owner_id: member for owner_id, member in asked.items() if owner_id not in held}
    if missing:
        stored = {state.owner_id: state for state in await tier_states.read(tx, sorted(missing))}
        for owner_id, member in missing.items():
            held[owner_id] = tiers.standing_of(member, stored.get(owner_id), programme)
    return {owner_id: held[owner_id] for owner_id in asked}


async def store(tx: Tx, standings: Iterable[Standing]) -> None:
    """Store the tiers of these standings."""
    await tier_states.store(tx, [standing.state() for standing in standings])


async def remove(tx: Tx, owner_ids: Sequence[str]) -> None:
    """Remove the standings of members that have no wallet left."""
    await tier_states.remove(tx, owner_ids)
    held = _held(tx)
    for owner_id in owner_ids:
        held.pop(owner_id, None)


def _held(tx: Tx) -> dict[str, Standing]:
    """Return the standings that this transaction holds.

    When a failed savepoint dropped the locked wallets, the standings that refer to them are dropped as well.
    """
    held, locked = tx.slot(_STANDINGS), tx.slot(LOCKED)
    if held.locked is not locked:
        held.locked, held.by_owner = locked, {}
    return held.by_owner

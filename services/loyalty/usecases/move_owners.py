"""Move identities to other owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.loyalty.domain import owning, tiers
from services.loyalty.domain.facts import OwnerMove
from services.loyalty.domain.postings import Cause as Booked
from services.loyalty.domain.postings import CauseKind
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.wallets import Member
from services.loyalty.storage import ledger, owners, programmes, standings, wallets
from services.loyalty.usecases.open_journal import open_journal
from services.loyalty.usecases.tell_tiers import tell_tiers
from shared.db import Tx
from shared.events.base import Cause


async def move_owners(tx: Tx, moves: Sequence[OwnerMove], causes: Mapping[str, Cause]) -> None:
    """Give identities to other customers, as a merge or an unmerge says; only newer versions count.

    Nothing in the ledger moves but debts. `causes` says by identity what a change of tier will be caused by.
    """
    concerned = {each for move in moves for each in (move.identity_id, move.owner_id)}
    locked = await wallets.lock(tx, concerned, as_owners=True)
    programme = await programmes.current(tx)
    members = [locked.member(each) for each in concerned] + [
        locked.member_of(move.owner_id) for move in moves
    ]
    journal = await open_journal(tx, locked, members, rows=len(moves), all_lots=True)
    touched: dict[str, Member] = {}
    rows = []
    for move in moves:
        wallet = locked.wallets[move.identity_id]
        if move.ownership_version <= wallet.ownership_version:
            continue
        source, target = locked.member(move.identity_id), locked.member_of(move.owner_id)
        row_id = journal.next_id()
        cause = Booked(CauseKind.OWNERSHIP, row_id)
        owning.move(journal, source, target, wallet, move.ownership_version, cause, move.occurred_at)
        touched |= {source.owner_id: source, target.owner_id: target}
        rows.append(
            {
                "id": row_id,
                "identity_id": move.identity_id,
                "owner_id": move.owner_id,
                "former_owner_id": source.owner_id,
                "ownership_version": move.ownership_version,
                "occurred_at": move.occurred_at,
                "booked_at": wallet.last_booked_at,
            }
        )
    await _restate(tx, programme, touched, moves, causes)
    await owners.add(tx, rows)
    await ledger.post(tx, journal, owners=True)


async def _restate(
    tx: Tx,
    programme: Programme,
    touched: dict[str, Member],
    moves: Sequence[OwnerMove],
    causes: Mapping[str, Cause],
) -> None:
    """Count the tiers of those who gained or lost a wallet anew."""
    found = await standings.of(tx, programme, touched.values())
    alone = [owner_id for owner_id, member in touched.items() if not member.wallets]
    standing_of = {owner_id: found[owner_id] for owner_id in touched if owner_id not in alone}
    for standing in standing_of.values():
        standing.windows.clear()
    missing = [wallet for standing in standing_of.values() for wallet in standing.missing()]
    await standings.load_windows(tx, programme, standing_of.values(), missing)
    last = moves[-1]
    for standing in standing_of.values():
        changes = tiers.rejoin(standing, programme, last.occurred_at)
        tell_tiers(tx, programme, changes, causes[last.identity_id], last.occurred_at)
    await standings.store(tx, standing_of.values())
    await standings.remove(tx, alone)
    for owner_id in alone:
        found.pop(owner_id)

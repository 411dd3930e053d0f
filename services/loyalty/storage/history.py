"""A member as they were: the ledger cut by booking time, so that the past never changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from services.loyalty.domain import settling, tiers
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.tiers import Standing
from services.loyalty.domain.wallets import Member, Wallet, next_due
from services.loyalty.storage import programmes, purchases, rebuild, wallets
from services.loyalty.storage.members import Seen, no_ids
from services.loyalty.storage.tables import ownership, wallet
from services.loyalty.storage.wallets import Locked
from shared.db import Read, Tx, any_of


async def at(tx: Tx, customer_id: str, as_of: datetime) -> Seen | None:
    """The member this id belonged to at an instant, with what was due by then; None if nobody of this id is known.

    The wallets are locked for reading: a writer whose clock was read before `as_of` may not have committed yet.
    """
    owner_id = await _owner(tx, customer_id, as_of)
    statement = select(wallet.c.id, wallet.c.identity_id, wallet.c.erased_at).order_by(wallet.c.id)
    group = await _group(tx, owner_id, as_of)
    rows = await tx.all(statement.where(any_of(wallet.c.identity_id, group)).with_for_update(read=True))
    if not rows or any(
        erased_at is not None for _, identity_id, erased_at in rows if identity_id == customer_id
    ):
        return None
    rebuilt = await rebuild.of(tx, [row_id for row_id, _, _ in rows], until=as_of)
    found = [
        rebuilt.wallets.get(row_id) or Wallet(row_id, identity_id, owner_id, wallets.NOT_BOOKED)
        for row_id, identity_id, _ in rows
    ]
    mine = {key: lot for key, lot in rebuilt.lots.items() if lot.wallet in found}
    member = Member(owner_id, found, mine, lots_complete=True)
    for each in found:
        dues = (next_due(lot) for lot in mine.values() if lot.wallet is each)
        each.next_due_at = min((due for due in dues if due is not None), default=None)
    settling.touch(Journal(as_of, no_ids), member)
    programme = await programmes.read(tx)
    return Seen(member, await _standing(tx, programme, member, as_of), programme, Locked())


async def _owner(read: Read, identity_id: str, as_of: datetime) -> str:
    """Whose an identity was: the newest change booked by then, or its own."""
    return (await _owners(read, [identity_id], as_of)).get(identity_id, identity_id)


async def _group(read: Read, owner_id: str, as_of: datetime) -> list[str]:
    """The identities a customer had."""
    c = ownership.c
    ever = await read.all(select(c.identity_id).distinct().where(c.owner_id == owner_id))
    candidates = sorted({owner_id, *(identity_id for (identity_id,) in ever)})
    owners = await _owners(read, candidates, as_of)
    return [each for each in candidates if owners.get(each, each) == owner_id]


async def _owners(read: Read, identity_ids: Sequence[str], as_of: datetime) -> dict[str, str]:
    c = ownership.c
    statement = select(c.identity_id, c.owner_id).where(
        any_of(c.identity_id, identity_ids), c.booked_at <= as_of
    )
    rows = await read.all(statement.order_by(c.ownership_version))
    return {row.identity_id: row.owner_id for row in rows}


async def _standing(read: Read, programme: Programme, member: Member, as_of: datetime) -> Standing:
    """The tier by what was booked by then, at the newest effective instant seen by then or at `as_of`."""
    spends = await purchases.spends(read, programme, [each.id for each in member.wallets], booked_until=as_of)
    reached = max([as_of, *(spend.occurred_at for spend in spends)])
    standing = tiers.lowest(member, programme)
    counted = (spend for spend in spends if spend.occurred_at <= reached < spend.drops_at)
    member.wallets[0].spend = sum(spend.amount_minor for spend in counted)
    standing.tier = programme.tiers[programme.level_of(standing.spend())].code
    return standing

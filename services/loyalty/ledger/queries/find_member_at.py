"""Find a member as it was: the ledger cut by booking time, so that the past never changes."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal, no_ids
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.wallets import Member, Wallet, next_due
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.storage import holds, ownership, programmes, rebuild, wallets
from services.loyalty.ledger.storage.wallets import NOT_BOOKED
from shared.db import Read, Tx


async def find_member_at(tx: Tx, customer_id: str, as_of: datetime) -> FoundMember:
    """Return the member that this id belonged to at an instant, with what was due by then, but without its tier.

    The wallets are locked for reading: a writer whose clock was read before `as_of` may not have committed yet.
    Raises UnknownMember.
    """
    owner_id = (await ownership.owners_at(tx, [customer_id], as_of)).get(customer_id, customer_id)
    stored = await wallets.lock_for_reading(tx, await _group(tx, owner_id, as_of))
    if not stored or any(
        wallet.erased_at is not None for wallet in stored if wallet.identity_id == customer_id
    ):
        raise UnknownMember
    rebuilt = await rebuild.of(tx, [wallet.id for wallet in stored], until=as_of)
    group = [
        rebuilt.wallets.get(wallet.id) or Wallet(wallet.id, wallet.identity_id, owner_id, NOT_BOOKED)
        for wallet in stored
    ]
    lots = {lot_id: lot for lot_id, lot in rebuilt.lots.items() if lot.wallet in group}
    open_holds = await holds.open_at(tx, {wallet.id: wallet for wallet in group}, lots, as_of)
    for wallet in group:
        dues = [next_due(lot) for lot in lots.values() if lot.wallet is wallet]
        ends = [hold.expires_at for hold in open_holds if hold.wallet is wallet]
        wallet.next_due_at = min((due_at for due_at in (*dues, *ends) if due_at is not None), default=None)
    held = {hold.id: hold for hold in open_holds}
    member = Member(owner_id, group, lots, lots_complete=True, holds=held, holds_complete=True)
    settling.touch(Journal(as_of, no_ids), member)
    return FoundMember(member, None, await programmes.read(tx), Locked())


async def _group(read: Read, owner_id: str, as_of: datetime) -> list[str]:
    """Return the identities that a customer owned at an instant."""
    candidates = sorted({owner_id, *await ownership.ever_owned(read, owner_id)})
    owners = await ownership.owners_at(read, candidates, as_of)
    return [identity_id for identity_id in candidates if owners.get(identity_id, identity_id) == owner_id]

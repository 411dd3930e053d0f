"""Lock wallets: the first step of everything that books points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from services.loyalty.ledger.domain.locked import Locked, OwnerChanged
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage import ids, wallets
from shared.db import Slot, Tx, locks

REPEATS_MAX = 5
"""The most times that a lock is tried again because an owner changed while it waited."""

LOCKED: Slot[Locked] = Slot("loyalty.locked", Locked)
"""The wallets that this transaction holds. They change in memory, so a failed savepoint drops them."""


class _Incomplete(Exception):
    """A part of a group is missing: an owner changed while the lock waited."""


async def lock_wallets(
    tx: Tx, identity_ids: Iterable[str], *, create: bool = True, as_owners: bool = False
) -> Locked:
    """Lock the wallets of all owners concerned, in one statement, in the order of their ids; this lock is the read.

    `create`: identities that have no wallet get one first. `as_owners`: also lock the wallets that these identities
    own without belonging to the same group, as while the events of one merge are on their way. Wallets that this
    transaction holds already are answered from memory.
    """
    locked = tx.slot(LOCKED)
    wanted = sorted(
        {identity_id for identity_id in identity_ids if as_owners or identity_id not in locked.wallets}
    )
    if wanted:
        if create:
            locked.created += await _create(tx, wanted)
        locked.add(await _lock_groups(tx, wanted, as_owners=as_owners))
        ids.forget(tx)
    return locked


async def meet_unknown(tx: Tx, identity_ids: Iterable[str]) -> None:
    """Wait for transactions that are making any of these identities known, unless they are known already."""
    wanted = sorted(set(identity_ids))
    unknown = set(wanted) - await wallets.known(tx, wanted) if wanted else set()
    if unknown:
        await locks.rendezvous(tx, (name_of_identity(identity_id) for identity_id in unknown), exclusive=True)


async def _create(tx: Tx, wanted: Sequence[str]) -> list[str]:
    """Insert the missing wallets and return their identities.

    Facts that wait for one of these identities are met at its rendezvous.
    """
    known = await wallets.known(tx, wanted)
    missing = [identity_id for identity_id in wanted if identity_id not in known]
    if not missing:
        return []
    await locks.rendezvous(tx, (name_of_identity(identity_id) for identity_id in missing))
    return await wallets.add(tx, missing)


async def _lock_groups(tx: Tx, wanted: Sequence[str], *, as_owners: bool) -> list[Wallet]:
    """Lock whole groups. A merge that commits meanwhile leaves a group incomplete: let go, and lock once more."""
    for _ in range(REPEATS_MAX):
        try:
            async with tx.savepoint():
                return await _lock_once(tx, wanted, as_owners=as_owners)
        except _Incomplete:
            continue
    raise OwnerChanged("the owners of these wallets change too quickly")


async def _lock_once(tx: Tx, wanted: Sequence[str], *, as_owners: bool) -> list[Wallet]:
    groups = await wallets.lock_groups(tx, wanted, as_owners=as_owners)
    sizes = Counter(wallet.owner_id for wallet in groups)
    if any(sizes[wallet.owner_id] != wallet.group_size for wallet in groups):
        raise _Incomplete
    missing = sorted(set(wanted) - {wallet.identity_id for wallet in groups})
    if missing and await wallets.known(
        tx, missing
    ):  # its wallet exists, and moved away while the lock waited
        raise _Incomplete
    return groups


def name_of_identity(identity_id: str) -> str:
    """Return the name of the fact that an identity becomes known; those that bring it and those that wait for it meet."""
    return f"identity:{identity_id}"

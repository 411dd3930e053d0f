"""Advisory locks in the one order of DESIGN: idempotency, rendezvous, identity buckets, then rows.

A lock a natural key would exhaust the server's lock table; 64 buckets cannot.
"""

from collections.abc import Iterable
from zlib import crc32

from shared.db.access import Tx

BUCKETS = 64
RENDEZVOUS_SPACE = 7
IDENTITY_SPACE = 8


async def rendezvous(tx: Tx, keys: Iterable[str], *, exclusive: bool = False) -> None:
    """Meet whoever waits for one of these facts: shared by those who bring it, exclusive by those who may park."""
    await tx.lock_buckets(RENDEZVOUS_SPACE, buckets(keys), exclusive=exclusive)


async def identities(tx: Tx, identity_ids: Iterable[str], *, exclusive: bool = False) -> None:
    """Keep these identities from being erased (shared), or everybody else from using them (exclusive)."""
    await tx.lock_buckets(IDENTITY_SPACE, buckets(identity_ids), exclusive=exclusive)


def buckets(keys: Iterable[str]) -> list[int]:
    """The sorted buckets (0 … 63) of these keys, the same in every process."""
    return sorted({crc32(key.encode()) % BUCKETS for key in keys})

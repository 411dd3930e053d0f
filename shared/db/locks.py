"""Take advisory locks in the one order of all transactions.

The order is: idempotency, API keys, operators, payments, rendezvous, identity buckets, then rows.

Keys share 64 buckets, because one lock per key could fill the lock table of the server.
"""

from collections.abc import Iterable
from zlib import crc32

from shared.db.access import Tx

BUCKETS = 64

SET_ASIDE_SPACE = 6
"""Consumers hold the lock of their set-aside records shared; an operator's retry or discard holds it exclusive."""
RENDEZVOUS_SPACE = 7
IDENTITY_SPACE = 8
MIGRATION_SPACE = 9
"""One process at a time upgrades a database."""
LEASE_SPACE = 10
"""One process at a time holds the lease of a service."""

PAYMENT_SPACE = 11
"""Requests of different members that pay one order meet."""

OPERATOR_SPACE = 12
"""Requests of one operator, or of another caller, that add up to a limit meet."""

API_KEY_SPACE = 13
"""One transaction at a time creates an API key, so that their numbers stay within the limits."""


async def api_keys(tx: Tx) -> None:
    """Let the transactions that create API keys wait for each other."""
    await tx.lock_buckets(API_KEY_SPACE, [0], exclusive=True)


async def operators(tx: Tx, keys: Iterable[str]) -> None:
    """Let the requests of these operators or other callers that add up to a limit wait for each other."""
    await tx.lock_buckets(OPERATOR_SPACE, buckets(keys), exclusive=True)


async def payments(tx: Tx, order: str, *, exclusive: bool) -> None:
    """Take the lock of the payments of an order: exclusive to judge those of all members, shared to pay."""
    await tx.lock_buckets(PAYMENT_SPACE, buckets([order]), exclusive=exclusive)


async def rendezvous(tx: Tx, keys: Iterable[str], *, exclusive: bool = False) -> None:
    """Take the rendezvous locks of these facts.

    A transaction that brings a fact takes its lock shared. A transaction that may park a record for the fact takes it
    exclusive, so that neither misses the other.
    """
    await tx.lock_buckets(RENDEZVOUS_SPACE, buckets(keys), exclusive=exclusive)


async def identities(tx: Tx, identity_ids: Iterable[str], *, exclusive: bool = False) -> None:
    """Lock these identities: shared to keep them from being erased, exclusive to keep all others from using them."""
    await tx.lock_buckets(IDENTITY_SPACE, buckets(identity_ids), exclusive=exclusive)


def buckets(keys: Iterable[str]) -> list[int]:
    """Return the sorted buckets (0 to 63) of these keys, the same in every process."""
    return sorted({crc32(key.encode()) % BUCKETS for key in keys})

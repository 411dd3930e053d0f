"""Merges and unmerges: complaints keep their identity, and follow its owner."""

from collections.abc import Sequence

from shared import identity
from shared.db import Tx
from shared.identity import Move


async def move_owners(tx: Tx, moves: Sequence[Move]) -> None:
    """Let these identities belong to who owns them now; what is older than what is known changes nothing."""
    await identity.move(tx, moves)

"""Register identities that have no facts yet."""

from collections.abc import Iterable

from shared import identity
from shared.db import Tx


async def register_identities(tx: Tx, identity_ids: Iterable[str]) -> None:
    """Create the rows of identities that are not known yet; each is its own owner."""
    await identity.lock(tx, identity_ids)

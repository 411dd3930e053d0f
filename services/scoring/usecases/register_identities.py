"""Remember identities that have done nothing yet."""

from collections.abc import Iterable

from shared import identity
from shared.db import Tx


async def register_identities(tx: Tx, identity_ids: Iterable[str]) -> None:
    """Create the register's rows of those not known yet, each its own owner."""
    await identity.lock(tx, identity_ids)

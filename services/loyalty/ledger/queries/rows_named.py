"""The rows that ids of requests name."""

from __future__ import annotations

from services.loyalty.ledger.storage import plain_ids
from services.loyalty.parameters import plain_number
from shared.db import Read
from shared.vault import Vault


async def row_named(read: Read, vault: Vault, prefix: str, text: str) -> int | None:
    """Return the number of the row that an id such as `red_…` names; None if it names none.

    An id with the number itself, such as `red_1281`, is of the time before numbers had names. It names only what was booked then, so that
    nobody counts by trying numbers what has come since.
    """
    number = vault.numbers.number(prefix, text)
    if number is not None:
        return number
    plain = plain_number(prefix, text)
    return plain if plain is not None and plain < await plain_ids.end(read) else None

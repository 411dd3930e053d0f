"""The ids by which callers know redemptions."""

from __future__ import annotations

from services.loyalty.ledger.queries.row_ids import row_named
from shared.db import Read
from shared.vault import Vault

_REDEMPTION = "red"


def id_of_redemption(vault: Vault, number: int) -> str:
    """Return the id of a redemption."""
    return vault.numbers.name(_REDEMPTION, number)


async def redemption_named(read: Read, vault: Vault, text: str) -> int | None:
    """Return the number of the redemption that an id names; None if it names none."""
    return await row_named(read, vault, _REDEMPTION, text)

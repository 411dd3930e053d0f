"""Read what a caller may know of rows that somebody asked for or told: one rule for holds, claims of rewards and activities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from services.loyalty.ledger.queries import wallets
from shared.auth.principal import Principal
from shared.db import Read


class Told(Protocol):
    """A row of a wallet, with the issuer that asked for it or told it."""

    @property
    def issuer(self) -> str:
        """Return the issuer: `shop` or `partner:<id>`."""

    @property
    def wallet_id(self) -> int:
        """Return the wallet that it is about."""

    @property
    def identity_id(self) -> str:
        """Return the identity of the wallet."""


async def may_know(read: Read, caller: Principal, told: Told) -> bool:
    """Return whether a caller may know of a row: a customer of their own, a partner of those of its issuer."""
    match caller.kind:
        case "operator":
            return True
        case "partner":
            return told.issuer == caller.issuer
        case "customer":
            return await wallets.is_of(read, told.wallet_id, caller.id)


def issuer_known_to(caller: Principal) -> str | None:
    """Return the issuer whose rows alone a caller may see in lists; None: those of all."""
    return caller.issuer if caller.kind == "partner" else None


async def customers_shown(read: Read, caller: Principal, told: Iterable[Told]) -> dict[str, str]:
    """Return the customer that a caller is shown for each identity of these rows.

    A merge tells a partner nothing: it goes on to meet the identity that it brought.
    """
    identity_ids = [row.identity_id for row in told]
    if caller.kind == "partner":
        return {identity_id: identity_id for identity_id in identity_ids}
    return await wallets.owners(read, identity_ids)

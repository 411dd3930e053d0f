"""Read wallets without a lock."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage import wallets
from services.loyalty.ledger.storage.checks import spends
from services.loyalty.ledger.storage.member_page import is_of
from services.loyalty.ledger.storage.transactions import erased
from services.loyalty.ledger.storage.wallets import count_owners as count_members
from services.loyalty.ledger.storage.wallets import customer_of, due, identities, of_owners, owners
from services.loyalty.ledger.storage.wallets import page as page_of_wallets
from shared.db import Read

__all__ = [
    "count_members",
    "customer_of",
    "due",
    "erased",
    "identities",
    "is_of",
    "members_page",
    "of_owners",
    "owners",
    "page_of_wallets",
    "spends",
]


async def members_page(read: Read, after: int, limit: int) -> tuple[list[Sequence[Wallet]], int | None]:
    """Return the wallets of some members, each with all of theirs, and the wallet behind which the next page begins.

    A member is on the page of their first wallet. None: there is no next page.
    """
    page = await wallets.page(read, after, limit)
    of_owner: dict[str, list[Wallet]] = {}
    for wallet in await wallets.of_owners(read, sorted({wallet.owner_id for wallet in page})):
        of_owner.setdefault(wallet.owner_id, []).append(wallet)
    members: list[Sequence[Wallet]] = [owned for owned in of_owner.values() if owned[0].id > after]
    return members, page[-1].id if len(page) == limit else None

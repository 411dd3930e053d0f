"""Find a redemption of a member, and list all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.redemptions.queries.order_tokens import tokens_of
from services.loyalty.redemptions.refusals import UnknownRedemption
from services.loyalty.redemptions.storage import redemptions
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from shared.db import Read, Slice
from shared.vault import Vault


async def rows_of_orders(
    read: Read, vault: Vault, orders: Iterable[OrderKey], wallet_ids: Sequence[int]
) -> list[int]:
    """Return the row ids of the redemptions for these orders that the identities of these wallets asked for."""
    return await redemptions.rows_of_orders(read, [*tokens_of(vault, orders)], wallet_ids)


async def points_of(read: Read, row_ids: Sequence[int]) -> dict[int, int]:
    """Return the points of these redemptions, as far as they exist."""
    return {record.id: record.points for record in await redemptions.by_ids(read, row_ids)}


async def find_redemption(read: Read, found: FoundMember, row_id: int | None) -> RedemptionRecord:
    """Return the redemption of a member with this row id. Raises UnknownRedemption."""
    for record in await redemptions.by_ids(read, [] if row_id is None else [row_id]):
        if record.wallet_id in found.wallet_ids:
            return record
    raise UnknownRedemption


async def list_redemptions(read: Read, found: FoundMember, asked: Slice) -> list[RedemptionRecord]:
    """Return a page of the redemptions of a member."""
    return await redemptions.page(read, found.wallet_ids, asked)

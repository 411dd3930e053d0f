"""Read which points paid an order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.queries import postings, wallets
from services.loyalty.ledger.queries.postings import Taken
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.redemptions.queries.order_tokens import tokens_of
from services.loyalty.redemptions.storage import redemptions
from shared.db import Read
from shared.vault import Vault

__all__ = ["Payment", "identities_behind", "payments"]


@dataclass(frozen=True, slots=True)
class Payment:
    """A redemption for an order: `lines` at their amounts before points, `base` their sum.

    `wallet_id` is that of the identity that asked for it. `taken` says which lots paid, in the order of the postings.
    """

    wallet_id: int
    points: int
    base: int
    lines: tuple[Line, ...]
    taken: Sequence[Taken]


async def identities_behind(read: Read, vault: Vault, orders: Iterable[OrderKey]) -> set[str]:
    """Return the identities that asked for redemptions for these orders, and those whose lots paid them.

    The rows are append-only, so they can be read before the wallets are locked. After an unmerge the lots can belong
    to another member than the buyer.
    """
    booked = await redemptions.of_orders(read, tokens_of(vault, orders))
    if not booked:
        return set()
    row_ids = [record.id for record in booked]
    taken = await postings.taken(read, CauseKind.REDEMPTION, row_ids, Account.REDEEMED)
    wallet_ids = {posting.wallet_id for posting in taken} | {record.wallet_id for record in booked}
    return set(await wallets.identities(read, sorted(wallet_ids)))


async def payments(read: Read, vault: Vault, orders: Iterable[OrderKey]) -> dict[OrderKey, list[Payment]]:
    """Return the redemptions that name lines of these orders, in the order in which they were booked."""
    named = tokens_of(vault, orders)
    with_lines = [record for record in await redemptions.of_orders(read, named) if record.lines]
    if not with_lines:
        return {}
    taken: dict[int, list[Taken]] = {record.id: [] for record in with_lines}
    for posting in await postings.taken(read, CauseKind.REDEMPTION, list(taken), Account.REDEEMED):
        taken[posting.cause_id].append(posting)
    by_order: dict[OrderKey, list[Payment]] = {}
    for record in with_lines:
        assert record.order_token is not None, "a redemption with lines names its order"
        payment = Payment(record.wallet_id, record.points, record.base, record.lines, taken[record.id])
        by_order.setdefault(named[record.order_token], []).append(payment)
    return by_order

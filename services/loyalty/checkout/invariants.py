"""The invariants of checkout: a hold has a cart whose discounts fit, and a committed one a redemption of at most its points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.loyalty.checkout.storage import carts
from services.loyalty.checkout.storage.tables import CheckoutRecord, HeldCartRecord
from services.loyalty.ledger.domain.wallets import HoldEnd, Wallet
from services.loyalty.ledger.queries import holds
from services.loyalty.ledger.queries.holds import HoldRecord
from services.loyalty.ledger.queries.verifying import over_wallets
from services.loyalty.promotions.domain.discounts import net_amounts
from services.loyalty.redemptions.queries.redemptions import points_of
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift

RULES = ("hold_has_a_cart", "discounts_fit_their_cart", "commit_is_a_redemption")


async def check(read: Read, page: Sequence[Wallet]) -> list[Drift]:
    """Compare the holds of these wallets with their carts and their redemptions."""
    stored = await holds.of_wallets(read, [wallet.id for wallet in page])
    if not stored:
        return []
    row_ids = [record.id for record in stored]
    cart_of, checkout_of = await carts.of_holds(read, row_ids), await carts.committed(read, row_ids)
    redeemed = await points_of(read, [record.redemption_id for record in checkout_of.values()])
    return [
        *_without_cart(stored, cart_of),
        *_misfitting(cart_of.values()),
        *_miscommitted(stored, checkout_of, redeemed),
    ]


def _without_cart(stored: Sequence[HoldRecord], cart_of: Mapping[int, HeldCartRecord]) -> Iterator[Drift]:
    for record in stored:
        if record.id not in cart_of:
            yield Drift("hold_has_a_cart", f"hold_{record.id}", words(__name__, "drift_no_row"))


def _misfitting(stored: Iterable[HeldCartRecord]) -> Iterator[Drift]:
    for cart in stored:
        discounts = cart.discounts or ()
        amounts = [line.amount_minor for line in cart.lines]
        is_right = cart.amount_minor == sum(amounts) and all(
            len(discount.lines) == len(amounts) and min(*discount.lines, discount.shipping) >= 0
            for discount in discounts
        )
        if is_right:
            shipping = sum(discount.shipping for discount in discounts)
            is_right = min(net_amounts(cart.lines, discounts)) >= 0 and shipping <= (cart.shipping_minor or 0)
        if not is_right:
            yield Drift(
                "discounts_fit_their_cart", f"hold_{cart.hold_id}", words(__name__, "drift_discounts")
            )


def _miscommitted(
    stored: Sequence[HoldRecord], checkout_of: Mapping[int, CheckoutRecord], redeemed: Mapping[int, int]
) -> Iterator[Drift]:
    for record in stored:
        checkout = checkout_of.get(record.id)
        is_right = (checkout is not None) == (record.ended_as == HoldEnd.COMMITTED)
        if checkout is not None:
            is_right &= redeemed.get(checkout.redemption_id, 0) == checkout.points <= record.points
        if not is_right:
            yield Drift("commit_is_a_redemption", f"hold_{record.id}", words(__name__, "drift_commit"))


INVARIANTS = over_wallets(RULES, check)

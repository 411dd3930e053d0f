"""Explain what a purchase earned."""

from __future__ import annotations

from dataclasses import dataclass

from services.loyalty.earning.domain import evaluating, explaining, falling
from services.loyalty.earning.domain.evaluating import Wanted
from services.loyalty.earning.domain.explaining import Unmet
from services.loyalty.earning.domain.rules.grants import Reason
from services.loyalty.earning.queries.rulebooks import compiled_of
from services.loyalty.earning.refusals import NoSuchPurchase
from services.loyalty.ledger.queries import lots
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.purchases.domain.facts import StoredPurchase
from services.loyalty.purchases.queries import orders
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule that wanted points for a purchase. `lines`: the numbers of the lines that count, from 1; None: all lines."""

    rule: str
    lines: tuple[int, ...] | None
    base_minor: int
    wanted: int
    granted: int
    cap: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rule that granted nothing, with the reason and what was missing."""

    rule: str
    reason: Reason
    unmet: Unmet | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer of every rule to a purchase, by the version of its time and the facts that were frozen with it."""

    purchase: StoredPurchase
    applied: list[Applied]
    rejected: list[Rejected]


async def explain_purchase(read: Read, found: FoundMember, row_id: int | None) -> Explanation:
    """Return what each rule answered to a purchase of this member. Raises NoSuchPurchase."""
    stored = await orders.find_rows(read, [] if row_id is None else [row_id])
    purchase = stored.get(row_id or 0)
    if purchase is None or purchase.wallet_id not in found.wallet_ids:
        raise NoSuchPurchase
    book = (await compiled_of(read, [purchase.rulebook]))[purchase.rulebook]
    granted = {lot.rule: lot for lot in await lots.of_purchases(read, [purchase.id])}
    cart = falling.cart_of(purchase)(())
    answers = evaluating.answers(book, cart)
    applied = [
        Applied(
            rule=code,
            lines=cart.numbers(answer.mask),
            base_minor=cart.amount(answer.mask),
            wanted=answer.points,
            granted=granted[code].issued if code in granted else 0,
            cap=book.rule(code).cap,
        )
        for code, answer in answers.items()
        if isinstance(answer, Wanted)
    ]
    rejected = [
        Rejected(
            code,
            answer.reason,
            explaining.unmet(book.rule(code), cart) if answer.reason is Reason.CONDITION else None,
        )
        for code, answer in answers.items()
        if not isinstance(answer, Wanted)
    ]
    return Explanation(purchase, applied, rejected)

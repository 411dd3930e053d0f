"""Codes that customers type: how requests bring them, and how answers tell what became of them without repeating them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from services.loyalty.coupons.domain.accepting import NO_CODES, AcceptedCode, AcceptedCodes
from services.loyalty.coupons.domain.codes import TYPED_MAX
from services.loyalty.coupons.domain.judging import CodeRefusal
from services.loyalty.coupons.queries.accept_codes import CodesAsked, accept_codes
from services.loyalty.coupons.refusals import CODES_OF_CART_MAX
from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.http.models import Response

Codes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=TYPED_MAX)]], Field(max_length=CODES_OF_CART_MAX)
]
CODES = Field(
    default_factory=list[str],
    description="Codes of coupons as the customer typed them. Small letters, blanks and hyphens do not matter. A code that takes no effect is not used.",
)


class QuotedCodeOut(Response):
    """A code of the cart. It is named by its number, and not repeated."""

    number: int = Field(description="Its place among the codes of the request, from 1.")
    coupon: str | None = Field(description="The name of its coupon; null: there is no such code.")
    promotions: list[str] = Field(
        description="The promotions that it unlocks for the cart. None: it takes no effect, and a hold does not use it."
    )
    reason: CodeRefusal | None = Field(description="Why it is refused; null: it is not.")
    text_en: str | None = Field(description="The shop's own words about the refusal, in English.")
    text_zh: str | None = Field(description="The same in Chinese.")


async def codes_typed(
    read: Read, context: Context[Settings], typed: Sequence[str], found: FoundMember | None, cart: Asked
) -> AcceptedCodes:
    """Return which of these codes a cart can have that is only asked about."""
    if not typed:
        return NO_CODES
    wallet_ids = [] if found is None else found.wallet_ids
    return await accept_codes(read, context, CodesAsked(typed, wallet_ids, cart.channel, cart.at))


def codes_shown(
    codes: AcceptedCodes, effective: Sequence[tuple[AcceptedCode, tuple[str, ...]]]
) -> list[QuotedCodeOut]:
    """Return what became of the codes of a cart, as it is shown."""
    promotions = {code.number: list(names) for code, names in effective}
    shown = [
        QuotedCodeOut(
            number=code.number,
            coupon=code.coupon,
            promotions=promotions.get(code.number, []),
            reason=None,
            text_en=None,
            text_zh=None,
        )
        for code in codes.usable
    ]
    shown += [
        QuotedCodeOut(
            number=code.number,
            coupon=code.coupon,
            promotions=[],
            reason=code.reason,
            text_en=None if code.document is None else code.document.refused_en,
            text_zh=None if code.document is None else code.document.refused_zh,
        )
        for code in codes.refused
    ]
    return sorted(shown, key=lambda code: code.number)

"""Price articles one by one, each as if one unit of it was the whole order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from services.loyalty.checkout.domain import quoting
from services.loyalty.earning.domain import alone, changing, evaluating
from services.loyalty.earning.domain.alone import LeftOut, NotAlone, Parted
from services.loyalty.earning.domain.evaluating import Wanted
from services.loyalty.earning.queries.rules_asked import Asked, RulesAsked, cart_of, rules_for_quote
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.promotions.domain import discounts, serving
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read

ARTICLES_MAX = 200
"""The articles that one request prices."""
QUICK_MAX = 2_000
"""Rules and promotions times articles that are evaluated in a few milliseconds."""
KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Priced:
    """An article at its price for a member, the points that one unit of it earns, and the promotions that lower the price."""

    article: Line
    price_minor: int
    points: int
    promotions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of articles by the rules in force."""

    asked: Asked
    rules: RulesAsked
    parted: Parted
    priced: Sequence[Priced]
    valid_until: datetime

    @property
    def key(self) -> str:
        """Return what tells callers apart whose prices may differ: answers with the same key have the same price for the same article."""
        asked = self.asked
        state = changing.state(changing.selections_of(self.rules.book), asked.at)
        decides = [self.rules.hash.hex(), self.rules.tier, asked.currency, asked.source, asked.channel]
        decides += [asked.store, asked.issuer]
        text = json.dumps([decides, state], separators=(",", ":"))
        return blake2b(text.encode(), digest_size=KEY_BYTES).hexdigest()


async def price_articles(
    read: Read, context: Context[Settings], found: FoundMember | None, asked: Asked
) -> Prices:
    """Return what each line of `asked`, which is one unit of an article, costs a member by itself, and earns. Nothing is written.

    Caps and budgets are not looked at: they belong to a member and an instant, and prices to a tier and a version of the rules.
    `found` None: somebody who never bought.
    """
    programme = await programme_or_default(read, context)
    rules = await rules_for_quote(read, programme, found, replace(asked, lines=()))
    parted = alone.part(rules.book, asked.at)
    evaluated = len(parted.book.promotions) + len(parted.book.turn_of)
    if evaluated * len(asked.lines) <= QUICK_MAX:
        priced = _priced(rules, parted, asked)
    else:
        priced = await asyncio.to_thread(_priced, rules, parted, asked)
    ends, changes_at = (
        asked.at + quoting.QUOTE_TIME,
        changing.next_change(changing.selections_of(rules.book), asked.at),
    )
    return Prices(asked, rules, parted, priced, min(ends, rules.until or ends, changes_at or ends))


def _priced(rules: RulesAsked, parted: Parted, asked: Asked) -> list[Priced]:
    return [_price(rules, parted, replace(asked, lines=(article,))) for article in asked.lines]


def _price(rules: RulesAsked, parted: Parted, asked: Asked) -> Priced:
    served = serving.serve(parted.book.promotions, cart_of(rules, asked), 0)
    (article,) = asked.lines
    (price,) = discounts.net_amounts(asked.lines, served.discounts)
    bought = cart_of(rules, replace(asked, lines=(replace(article, amount_minor=price),)))
    answers = evaluating.answers(parted.book, bought).values()
    points = sum(answer.points for answer in answers if isinstance(answer, Wanted))
    return Priced(article, price, points, tuple(discount.promotion for discount in served.discounts))


__all__ = ["ARTICLES_MAX", "LeftOut", "NotAlone", "Priced", "Prices", "price_articles"]

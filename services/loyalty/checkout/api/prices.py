"""Prices: what articles cost a member, each by itself, for the pages of a shop."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.loyalty.checkout.api.offers import HASH
from services.loyalty.checkout.api.quotes import SCOPE
from services.loyalty.checkout.queries.price_articles import (
    ARTICLES_MAX,
    KEY_BYTES,
    LeftOut,
    NotAlone,
    Prices,
    price_articles,
)
from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.http import BuyerIn, member_named
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.settings import Settings
from shared import money
from shared.auth.access import OPERATORS, allow
from shared.http.customers import Named
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import (
    Brand,
    Category,
    Channel,
    CurrencyIn,
    LineAmount,
    Request,
    Response,
    Sku,
    Source,
    Store,
    example,
)
from shared.http.routes import Router
from shared.limits import BATCH_BODY_BYTES_MAX
from shared.money import UnknownCurrency

router = Router(tags=["checkout"])


class PricedArticleIn(Request):
    """An article at its list price."""

    sku: Sku
    amount_minor: LineAmount = Field(description="The list price of one unit, in minor units.")
    category: Category | None = None
    brand: Brand | None = None


class PricesIn(BuyerIn):
    """Articles whose prices are asked."""

    model_config = example(
        currency="CNY", articles=[{"sku": "TEA-1", "amount_minor": 5600, "category": "tea"}]
    )

    source: Source | None = Field(None, description="The system that the order would come from.")
    currency: CurrencyIn
    channel: Channel | None = None
    store: Store | None = None
    articles: Annotated[list[PricedArticleIn], Field(min_length=1, max_length=ARTICLES_MAX)]


class PriceOut(Response):
    """One unit of an article, as if it was the whole order."""

    sku: str
    list_minor: int = Field(description="Its list price.")
    price_minor: int = Field(description="What it costs the member.")
    points: int = Field(description="What the rules want for it, before caps and budgets.")
    promotions: list[str] = Field(description="The promotions that lower its price.")


class NotPricedAloneOut(Response):
    """A rule or a promotion in force that says nothing about one unit of an article alone. A quote of the cart looks at it."""

    code: str
    why: NotAlone


class PricesOut(Response):
    """The prices of articles, in the order in which they were asked."""

    model_config = example(
        at="2026-03-01T09:30:00Z", valid_until="2026-03-01T09:45:00Z", key="9f86d081884c7d65" * 2, currency="CNY",
        rulebook=2, rulebook_hash=HASH, tier="gold",
        items=[{"sku": "TEA-1", "list_minor": 5600, "price_minor": 4760, "points": 47, "promotions": ["tea_15"]}],
        rules=[{"code": "from_100", "why": "order"}],
        promotions=[{"code": "from_300", "why": "order"}],
    )  # fmt: skip

    at: datetime
    valid_until: datetime = Field(
        description="Ask again after this instant: other rules or promotions may be in force then."
    )
    key: Annotated[
        str,
        Field(
            min_length=2 * KEY_BYTES,
            max_length=2 * KEY_BYTES,
            description="Answers with the same key have the same price for the same article, whoever asked: keep prices under it until `valid_until`. "
            "Members of one tier have the same key.",
        ),
    ]
    currency: str
    rulebook: int | None = Field(description="The version of the rules; null before the first fact.")
    rulebook_hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    tier: str | None = Field(description="The member's tier, if a rule or a promotion looks at it.")
    items: Annotated[list[PriceOut], Field(max_length=ARTICLES_MAX)]
    rules: list[NotPricedAloneOut] = Field(description="The rules that `points` does not have.")
    promotions: list[NotPricedAloneOut] = Field(
        description="The promotions that `price_minor` does not have."
    )


@router.post(
    "/v1/prices:batch",
    operation_id="price_articles",
    summary="Price articles for a member",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(UnknownMember, UnknownCurrency),
    body_bytes_max=BATCH_BODY_BYTES_MAX,
)
async def post_prices(
    read: Reading, context: InContext[Settings], caller: Caller, named: Named, body: PricesIn
) -> PricesOut:
    """Say what one unit of each article costs a member by itself, and the points that it earns, for the pages of a shop.

    Each article is quoted as if it was the whole order. What looks at the rest of an order, such as a threshold, cannot be said of one article: it is left out and named in `rules` and `promotions`.
    Caps, budgets and goals are not looked at. Nothing is written.
    """
    now = context.clock.now()
    money.exponent(body.currency)
    identity_id = await member_named(read, caller, named, body)
    found = None if identity_id is None else await find_member(read, identity_id, now)
    asked = Asked(
        identity_id=identity_id or "",
        at=now,
        currency=body.currency,
        lines=tuple(
            Line(1, article.amount_minor, article.sku, article.category, article.brand)
            for article in body.articles
        ),
        source=body.source,
        channel=body.channel,
        store=body.store,
        document=None,
        issuer=caller.issuer,
    )
    return _shown(await price_articles(read, context, found, asked))


def _shown(prices: Prices) -> PricesOut:
    return PricesOut(
        at=prices.asked.at,
        valid_until=prices.valid_until,
        key=prices.key,
        currency=prices.asked.currency,
        rulebook=prices.rules.version,
        rulebook_hash=prices.rules.hash.hex(),
        tier=prices.rules.tier,
        items=[
            PriceOut(
                sku=priced.article.sku,
                list_minor=priced.article.amount_minor,
                price_minor=priced.price_minor,
                points=priced.points,
                promotions=list(priced.promotions),
            )
            for priced in prices.priced
        ],
        rules=_left_out(prices.parted.rules),
        promotions=_left_out(prices.parted.promotions),
    )


def _left_out(found: Iterable[LeftOut]) -> list[NotPricedAloneOut]:
    return [NotPricedAloneOut(code=left.code, why=left.why) for left in found]

"""Quotes: the discounts of a cart, what it would earn, and what points can pay of what is due."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.loyalty.checkout.api.carts import CheckoutCartIn, cart_asked
from services.loyalty.checkout.api.discounts import (
    DiscountedLineOut,
    DiscountsOut,
    lines_shown,
    promotions_shown,
)
from services.loyalty.checkout.api.typed_codes import (
    CODES,
    Codes,
    QuotedCodeOut,
    codes_shown,
    codes_typed,
)
from services.loyalty.checkout.domain.quoting import HASH_CHARACTERS
from services.loyalty.checkout.queries.quote_cart import Quote, quote_cart
from services.loyalty.http import (
    FilledCapOut,
    RejectedRuleOut,
    SimulatedRuleOut,
    filled_caps,
    member_named,
    rejected_rules,
    simulated_rules,
)
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import InsufficientPoints, UnknownMember
from services.loyalty.redemptions.refusals import MorePointsThanAllowed, PaidOrderTooLarge, TooFewPoints
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal
from shared.http.customers import Named
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.limits import MEMBER_POINTS_MAX
from shared.money import UnknownCurrency

router = Router(tags=["checkout"])

SCOPE = "checkout:read"
QUOTE_HASH = "9f86d081884c7d65" * 5
LINE = {"sku": "TEA-1", "quantity": 2, "amount_minor": 5600, "category": "tea"}
"""A line of the examples."""


class QuoteIn(CheckoutCartIn):
    """A cart to be quoted."""

    model_config = example(currency="CNY", lines=[LINE])

    points: Annotated[int, Field(ge=0, le=MEMBER_POINTS_MAX)] | None = Field(
        None, description="The points that shall pay; by default as many as can. 0: none."
    )
    codes: Codes = CODES


class QuotedPointsOut(Response):
    """The points that can pay a part of the cart. Points are a tender: they change no price and earn nothing less."""

    active: int = Field(description="What the member can spend.")
    usable: int = Field(description="The most points that pay a part of this cart.")
    usable_minor: int | None = Field(
        description="What these pay, in minor units; null: the programme does not say what points are worth, and the shop decides."
    )
    pays: int = Field(description="The fewest points that pay as much as those that were asked for.")
    pays_minor: int | None = Field(description="What these pay, in minor units.")
    due_minor: int | None = Field(description="What is left to be paid in money, in minor units.")


class QuotedGoalOut(Response):
    """A goal of the member that the cart counts for."""

    goal: str
    points: int = Field(description="The points of each completion.")
    completed: int = Field(description="How often the purchase completes the goal.")
    earned: int = Field(
        description="The points that the purchase brings by it: less than `points` for each completion if its budget has no room for them."
    )
    to_go: int | None = Field(
        description="How much more completes it once more; null: it is completed as often as it can be."
    )


class EarnPreviewOut(Response):
    """The points that the cart would earn, and why, as `POST /v1/simulations` says it."""

    points: int = Field(description="What all rules and goals together grant.")
    applied: list[SimulatedRuleOut]
    rejected: list[RejectedRuleOut]
    caps: list[FilledCapOut]
    goals: list[QuotedGoalOut]


class QuoteOut(Response):
    """The answer about a cart. Nothing is written or set aside."""

    model_config = example(
        at="2026-03-01T09:30:00Z", valid_until="2026-03-01T09:45:00Z", hash=QUOTE_HASH, currency="CNY", amount_minor=6000,
        shipping_minor=0, payable_minor=5600,
        rulebook=2, rulebook_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", tier=None,
        lines=[{"line": 1, "sku": "TEA-1", "quantity": 2, "gross_minor": 6000, "discount_minor": 400, "net_minor": 5600}],
        discounts={
            "amount_minor": 400,
            "applied": [
                {"promotion": "from_50", "amount_minor": 400, "lines": [{"line": 1, "amount_minor": 400}], "shipping_minor": 0, "gift": None}
            ],
            "rejected": [{"promotion": "three_cups", "reason": "no_line", "fact": None, "missing": None}],
        },
        codes=[],
        points={
            "active": 480, "usable": 480, "usable_minor": 480, "pays": 480, "pays_minor": 480, "due_minor": 5120,
        },
        earns={
            "points": 56,
            "applied": [
                {
                    "rule": "base", "lines": None, "base_minor": 5600, "wanted": 56, "granted": 56, "cap": None,
                    "budget": None, "cut_by": None,
                    "available_at": None, "expires_at": None,
                }
            ],
            "rejected": [], "caps": [], "goals": [{"goal": "every_fifth", "points": 50, "completed": 0, "earned": 0, "to_go": 2}],
        },
    )  # fmt: skip

    at: datetime
    valid_until: datetime = Field(
        description="Ask again after this instant: other rules or promotions may be in force then."
    )
    hash: Annotated[
        str,
        Field(
            min_length=HASH_CHARACTERS,
            max_length=HASH_CHARACTERS,
            description="Tells this quote from another. A hold with it is refused if the cart would be quoted otherwise by then.",
        ),
    ]
    currency: str
    amount_minor: int = Field(description="The sum of the lines before discounts, in minor units.")
    shipping_minor: int = Field(description="What shipping costs before discounts.")
    payable_minor: int = Field(description="What lines and shipping cost after discounts, before points.")
    rulebook: int | None = Field(description="The version of the rules; null before the first fact.")
    rulebook_hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    tier: str | None = Field(
        description="The member's tier before the purchase, if a rule or a promotion looks at it."
    )
    lines: list[DiscountedLineOut]
    discounts: DiscountsOut
    codes: list[QuotedCodeOut] = Field(
        description="What became of each code, in the order in which they were given."
    )
    points: QuotedPointsOut
    earns: EarnPreviewOut


@router.post(
    "/v1/quotes",
    operation_id="quote_cart",
    summary="Quote a cart",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(
        UnknownMember,
        UnknownCurrency,
        PaidOrderTooLarge,
        InsufficientPoints,
        TooFewPoints,
        MorePointsThanAllowed,
    ),
)
async def post_quote(
    read: Reading, context: InContext[Settings], caller: Caller, named: Named, body: QuoteIn
) -> QuoteOut:
    """Say what promotions take off a cart, what it would earn after that as the member stands now, and what points can pay of what is due.

    Nothing is written. Discounts are shared over the lines so that they sum exactly. What the cart earns is worked out by the function by which purchases earn. Customers quote their own carts, partners those of
    customers that they brought.
    """
    now = context.clock.now()
    identity_id = await member_named(read, caller, named, body)
    cart = cart_asked(body, identity_id, now, caller.issuer)
    found = None if identity_id is None else await find_member(read, identity_id, now)
    codes = await codes_typed(read, context, body.codes, found, cart)
    quote = await quote_cart(read, context, found, cart, body.shipping_minor, body.points, codes)
    return _shown(quote, caller)


def _shown(quote: Quote, caller: Principal) -> QuoteOut:
    simulation, pays, discounted = quote.simulation, quote.pays, quote.discounted
    return QuoteOut(
        at=quote.cart.at,
        valid_until=quote.valid_until,
        hash=quote.hash,
        currency=quote.cart.currency,
        amount_minor=quote.cart.amount_minor,
        shipping_minor=discounted.shipping_minor,
        payable_minor=discounted.payable_minor,
        rulebook=simulation.version,
        rulebook_hash=simulation.hash.hex(),
        tier=simulation.tier,
        lines=lines_shown(quote.cart.lines, discounted.served.discounts),
        discounts=promotions_shown(discounted, caller),
        codes=codes_shown(quote.codes, quote.effective_codes),
        points=QuotedPointsOut(
            active=quote.active,
            usable=quote.usable.points,
            usable_minor=quote.usable.worth_minor,
            pays=pays.points,
            pays_minor=pays.worth_minor,
            due_minor=None if pays.worth_minor is None else discounted.payable_minor - pays.worth_minor,
        ),
        earns=EarnPreviewOut(
            points=simulation.points,
            applied=simulated_rules(simulation.rules),
            rejected=rejected_rules(simulation.rejected, caller),
            caps=filled_caps(simulation.caps),
            goals=[
                QuotedGoalOut(
                    goal=standing.goal.code,
                    points=standing.goal.points,
                    completed=standing.completed,
                    earned=standing.earned,
                    to_go=standing.to_go,
                )
                for standing in simulation.goals
                if standing.counted
            ],
        ),
    )

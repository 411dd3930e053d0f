"""Holds: points that are set aside for a cart until its order is placed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field

from services.loyalty.checkout.api.carts import CheckoutCartIn, cart_asked
from services.loyalty.checkout.api.discounts import (
    DiscountedLineOut,
    DiscountOut,
    discounts_shown,
    lines_shown,
)
from services.loyalty.checkout.api.quotes import LINE, QUOTE_HASH, SCOPE
from services.loyalty.checkout.api.typed_codes import CODES, Codes
from services.loyalty.checkout.domain.quoting import HASH_CHARACTERS
from services.loyalty.checkout.domain.states import HoldState
from services.loyalty.checkout.queries.find_hold import FoundHold, find_hold
from services.loyalty.checkout.queries.find_hold import list_holds as holds_of
from services.loyalty.checkout.refusals import (
    HOLD_SECONDS_DEFAULT,
    HOLD_SECONDS_MAX,
    HOLD_SECONDS_MIN,
    HoldCommitted,
    MemberRequired,
    NothingToHold,
    PointsWorthNothing,
    QuoteChanged,
    TooManyHolds,
    UnknownHold,
)
from services.loyalty.checkout.usecases.hold_points import HoldAsked, hold_points
from services.loyalty.coupons.domain.states import CodeClaimState
from services.loyalty.coupons.refusals import CodeRefused
from services.loyalty.http import member_named, wallets_asked
from services.loyalty.ledger.domain.wallets import HoldEnd
from services.loyalty.ledger.queries.holds import SORTS, HoldSelection
from services.loyalty.ledger.queries.known_to import issuer_known_to
from services.loyalty.ledger.queries.row_ids import hold_named, id_of_hold
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore, UnknownMember
from services.loyalty.promotions.domain.discounts import total_of
from services.loyalty.redemptions.queries.redemption_ids import id_of_redemption
from services.loyalty.redemptions.refusals import MorePointsThanAllowed, PaidOrderTooLarge, TooFewPoints
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal, Role
from shared.db import Read
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerName, IssuerOfName, Named
from shared.http.dependencies import Caller, InContext, KeyHash, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Response, example
from shared.http.routes import Router
from shared.limits import ID_MAX, MEMBER_POINTS_MAX
from shared.money import UnknownCurrency
from shared.vault import Numbers

router = Router(tags=["checkout"])

WRITE_SCOPE = "checkout:write"
WRITERS: Final[frozenset[Role]] = frozenset({"agent", "manager", "admin"})
HOLD = "hold_6t1h8w3p5n0kqz9v2c7xme4rds"
HoldInPath = Annotated[str, Path(max_length=ID_MAX, examples=[HOLD])]
Seconds = Annotated[int, Field(ge=HOLD_SECONDS_MIN, le=HOLD_SECONDS_MAX)]


class HoldIn(CheckoutCartIn):
    """Points to be set aside for a cart."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        currency="CNY",
        lines=[LINE],
        points=400,
        ttl_seconds=900,
    )

    points: Annotated[int, Field(ge=0, le=MEMBER_POINTS_MAX)] = Field(
        0,
        description="The points that shall pay. The fewest that pay as much are held. 0: none, if there is a code that takes effect.",
    )
    codes: Codes = CODES
    quote_hash: (
        Annotated[str, Field(min_length=HASH_CHARACTERS, max_length=HASH_CHARACTERS, pattern="^[0-9a-f]+$")]
        | None
    ) = Field(
        None, description="The `hash` of the quote that the customer has seen, with the same cart and points."
    )
    ttl_seconds: Seconds = Field(
        default=HOLD_SECONDS_DEFAULT,
        description="The seconds for which the points are held. After them they are free again by themselves.",
    )
    replaces: Annotated[str, Field(max_length=ID_MAX)] | None = Field(
        None,
        description="A hold of the same member that this one takes the place of, such as that of the cart before it changed. It is cancelled "
        "with the same step, so a customer never waits for their own points.",
    )


class HeldCouponOut(Response):
    """A coupon of which a hold has a code."""

    coupon: str
    promotions: list[str] = Field(description="The promotions that the code unlocks.")
    state: CodeClaimState


class HoldOut(Response):
    """Points that are set aside for a cart, or what became of them."""

    model_config = example(
        id=HOLD, customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8", state="open", points=400, worth_minor=400, currency="CNY",
        amount_minor=6000, shipping_minor=0, discount_minor=400, payable_minor=5600, opened_at="2026-03-01T09:30:00Z", expires_at="2026-03-01T09:45:00Z", ended_at=None, replaces=None,
        rulebook=2, quote_hash=QUOTE_HASH, redemption_id=None, redeemed=None, redeemed_minor=None, coupons=[],
    )  # fmt: skip

    id: str
    customer_id: str
    state: HoldState
    points: int
    worth_minor: int | None = Field(
        description="What the points pay of the cart, in minor units; null: the programme does not say."
    )
    currency: str
    amount_minor: int = Field(description="The sum of the cart's lines before discounts, in minor units.")
    shipping_minor: int = Field(description="What shipping costs before discounts.")
    discount_minor: int = Field(
        description="What promotions take off lines and shipping. It is promised as long as the hold is open."
    )
    payable_minor: int = Field(description="What lines and shipping cost after discounts, before points.")
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None = Field(description="Null while it is open.")
    replaces: str | None = Field(description="The hold that it took the place of.")
    rulebook: int | None = Field(description="The version of the rules of its quote.")
    quote_hash: str
    redemption_id: str | None = Field(
        description="The redemption that came of it; null unless it was committed with points."
    )
    redeemed: int | None = Field(description="The points that were spent.")
    redeemed_minor: int | None = Field(description="What these pay, in minor units.")
    coupons: list[HeldCouponOut] = Field(
        description="The coupons of which it holds a code. The codes are not shown."
    )


class HeldOrderOut(Response):
    """The lines of the order of a committed hold, with their discounts. A purchase is recorded with their net amounts."""

    lines: list[DiscountedLineOut] = Field(description="Numbered as the lines of the order.")
    discounts: list[DiscountOut]


class HoldWithLinesOut(HoldOut):
    """A hold with the lines of its cart and their discounts."""

    model_config = example(
        id=HOLD, customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8", state="open", points=400, worth_minor=400, currency="CNY",
        amount_minor=6000, shipping_minor=0, discount_minor=400, payable_minor=5600, opened_at="2026-03-01T09:30:00Z",
        expires_at="2026-03-01T09:45:00Z", ended_at=None, replaces=None,
        rulebook=2, quote_hash=QUOTE_HASH, redemption_id=None, redeemed=None, redeemed_minor=None, coupons=[],
        lines=[{"line": 1, "sku": "TEA-1", "quantity": 2, "gross_minor": 6000, "discount_minor": 400, "net_minor": 5600}],
        discounts=[
            {"promotion": "from_50", "amount_minor": 400, "lines": [{"line": 1, "amount_minor": 400}], "shipping_minor": 0, "gift": None}
        ],
        order=None,
    )  # fmt: skip

    lines: list[DiscountedLineOut]
    discounts: list[DiscountOut] = Field(description="In the order in which they were served.")
    order: HeldOrderOut | None = Field(description="Null unless it was committed.")


@router.post(
    "/v1/holds",
    operation_id="hold_points",
    summary="Hold points for a cart",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    errors=(
        UnknownMember,
        UnknownHold,
        MemberRequired,
        UnknownCurrency,
        PaidOrderTooLarge,
        InsufficientPoints,
        TooFewPoints,
        MorePointsThanAllowed,
        PointsWorthNothing,
        NothingToHold,
        CodeRefused,
        QuoteChanged,
        TooManyHolds,
        HoldCommitted,
        KeyUsedBefore,
    ),
    idempotency="required",
    status_code=201,
    location="/v1/holds/{id}",
)
async def post_hold(
    tx: Transaction, context: InContext[Settings], caller: Caller, named: Named, key: KeyHash, body: HoldIn
) -> HoldOut:
    """Set points of a member aside, what expires first going first, until the hold is committed, cancelled or over.

    A use of each code that takes effect is set aside too. If a code cannot be used, the hold is refused, and `codes` of the answer says why.

    With `quote_hash` it is refused if the cart would be quoted otherwise by now; the answer says in `differs` which parts changed: `cart`,
    `rules`, `discounts`, `earned`, `payment`. Nobody has to clean up after a hold that is over: its points can be spent from that instant on.
    """
    identity_id = await member_named(tx, caller, named, body)
    if identity_id is None:
        raise MemberRequired
    asked = HoldAsked(
        caller=caller,
        key=key,
        cart=cart_asked(body, identity_id, context.clock.now(), caller.issuer),
        points=body.points,
        seconds=body.ttl_seconds,
        shipping_minor=body.shipping_minor,
        quote_hash=body.quote_hash,
        replaces=row_named(context.vault.numbers, body.replaces),
        codes=tuple(body.codes),
    )
    row_id = await hold_points(tx, context, asked)
    return await hold_shown(tx, context.vault.numbers, caller, row_id, tx.now)


@router.get(
    "/v1/holds/{hold_id}",
    operation_id="get_hold",
    summary="Read a hold",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(UnknownHold,),
)
async def get_hold(
    read: Reading, context: InContext[Settings], caller: Caller, hold_id: HoldInPath
) -> HoldWithLinesOut:
    """Read a hold with the lines of its cart and their discounts, in the state that it is in now.

    Customers read holds of their own points, partners those that they asked for.
    """
    found = await find_hold(read, caller, row_named(context.vault.numbers, hold_id))
    shown = _hold_out(context.vault.numbers, found, context.clock.now())
    cart = found.cart
    return HoldWithLinesOut(
        **shown.model_dump(),
        lines=lines_shown(cart.lines, cart.discounts or ()),
        discounts=discounts_shown(cart.discounts or ()),
        order=_order_out(found),
    )


def _order_out(found: FoundHold) -> HeldOrderOut | None:
    if found.checkout is None:
        return None
    lines, discounts = found.cart.kept(found.checkout.kept)
    return HeldOrderOut(lines=lines_shown(lines, discounts), discounts=discounts_shown(discounts))


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFilters:
    """The filters of the list of holds."""

    customer_id: Annotated[
        CustomerName | None,
        Query(description="Only holds of this member: `cus_…`, `ext:…`, or `me` with a customer's token."),
    ] = None
    issuer: IssuerOfName = None
    state: Annotated[HoldState | None, Query(description="Only holds in this state.")] = None


@router.get(
    "/v1/holds",
    operation_id="list_holds",
    summary="List holds",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(CursorInvalid,),
)
async def list_holds(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    listing: Annotated[
        Listing[HoldFilters], listed_by(HoldFilters, sorts=SORTS, bound_to=lambda caller: caller.key)
    ],
) -> Page[HoldOut]:
    """List holds in the states that they are in now. Customers see those of their own points, partners those that they asked for.

    Another customer has an empty page, like one that does not exist.
    """
    now = context.clock.now()
    filters = listing.filters
    wallet_ids = await wallets_asked(read, caller, named, filters.customer_id, filters.issuer, now)
    if wallet_ids == []:
        return listing.page([], lambda _: [], [])
    state = filters.state
    selection = HoldSelection(
        issuer=issuer_known_to(caller),
        wallet_ids=wallet_ids,
        state=None if state in (None, HoldState.OPEN) else HoldEnd(state.value),
        is_open=state is HoldState.OPEN,
    )
    found = await holds_of(read, caller, selection, listing.slice, now)
    shown = [_hold_out(context.vault.numbers, hold, now) for hold in listing.shown(found)]
    return listing.page(found, lambda hold: listing.sort_key(hold.record), shown)


async def hold_shown(
    read: Read, numbers: Numbers, caller: Principal, row_id: int | None, now: datetime
) -> HoldOut:
    """Return a hold that a request has changed, as it is shown."""
    return _hold_out(numbers, await find_hold(read, caller, row_id), now)


def row_named(numbers: Numbers, text: str | None) -> int | None:
    """Return the row that an id names, 0 if it names none, and None if there is no id."""
    return None if text is None else hold_named(numbers, text) or 0


def _hold_out(numbers: Numbers, found: FoundHold, now: datetime) -> HoldOut:
    record, cart, checkout = found.record, found.cart, found.checkout
    shipping_minor, discount_minor = cart.shipping_minor or 0, total_of(cart.discounts or ())
    return HoldOut(
        id=id_of_hold(numbers, record.id),
        customer_id=found.customer_id,
        state=found.state_at(now),
        points=record.points,
        worth_minor=cart.worth_minor,
        currency=cart.currency,
        amount_minor=cart.amount_minor,
        shipping_minor=shipping_minor,
        discount_minor=discount_minor,
        payable_minor=cart.amount_minor + shipping_minor - discount_minor,
        opened_at=record.opened_at,
        expires_at=record.expires_at,
        ended_at=found.ended_at(now),
        replaces=None if cart.replaces_id is None else id_of_hold(numbers, cart.replaces_id),
        rulebook=cart.rulebook,
        quote_hash=cart.quote_hash,
        redemption_id=None
        if checkout is None or not checkout.points
        else id_of_redemption(numbers, checkout.redemption_id),
        redeemed=None if checkout is None else checkout.points,
        redeemed_minor=None if checkout is None else checkout.worth_minor,
        coupons=[HeldCouponOut.model_validate(code, from_attributes=True) for code in found.codes],
    )

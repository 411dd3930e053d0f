"""Quote a cart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from services.loyalty.checkout.domain import quoting
from services.loyalty.checkout.domain.paying import NOTHING, Tender, tender_of
from services.loyalty.checkout.domain.quoting import QuotePart
from services.loyalty.coupons.domain.accepting import NO_CODES, AcceptedCode, AcceptedCodes
from services.loyalty.earning.queries.rules_asked import Asked, rules_for_quote
from services.loyalty.earning.queries.simulate_purchase import Simulation, simulate_purchase
from services.loyalty.ledger.domain.programme import PointsWorth
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.promotions.queries.discount_cart import DiscountedCart, discount_cart
from services.loyalty.redemptions.steps.limits import check_limits
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Quote:
    """The answer about one cart. `usable` are the most points that pay a part of it, `pays` those that shall."""

    discounted: DiscountedCart
    simulation: Simulation
    value: PointsWorth | None
    active: int
    usable: Tender
    pays: Tender
    codes: AcceptedCodes

    @property
    def effective_codes(self) -> list[tuple[AcceptedCode, tuple[str, ...]]]:
        """Return the codes that take effect, each with the promotions that it unlocks."""
        return self.codes.effective([discount.promotion for discount in self.discounted.served.discounts])

    @property
    def cart(self) -> Asked:
        """Return the cart at its prices before discounts."""
        return self.discounted.listed

    @property
    def valid_until(self) -> datetime:
        """Return the instant until which the quote is good."""
        ends = self.cart.at + quoting.QUOTE_TIME
        return min(ends, self.simulation.in_force_until or ends, self.discounted.changes_at or ends)

    @property
    def _codes(self) -> list[int]:
        """Return the rows of the codes that the cart can have."""
        return sorted(code.code_id for code in self.codes.usable)

    @property
    def hash(self) -> str:
        """Return the hash of the quote, in which there is no clock."""
        cart, simulation, served = asdict(self.cart), self.simulation, self.discounted.served
        del cart["at"], cart["activity"]
        granted = [(part.grant.rule, part.issued) for part in simulation.served]
        granted += [(standing.goal.code, standing.earned) for standing in simulation.goals]
        return quoting.hash_of(
            {
                QuotePart.CART: [cart, self.discounted.shipping_minor, self._codes],
                QuotePart.RULES: simulation.hash.hex(),
                QuotePart.DISCOUNTS: [asdict(discount) for discount in served.discounts],
                QuotePart.EARNED: [simulation.tier, granted],
                QuotePart.PAYMENT: [self.pays, None if self.value is None else self.value.model_dump()],
            }
        )


async def quote_cart(
    read: Read,
    context: Context[Settings],
    found: FoundMember | None,
    cart: Asked,
    shipping_minor: int,
    points: int | None,
    codes: AcceptedCodes = NO_CODES,
) -> Quote:
    """Return the discounts of a cart, what it would earn after them, and what points can pay of what is due. Nothing is written.

    `found` None: somebody who never bought. `points`: those that shall pay; None: as many as can. `codes`: those of coupons. Raises InsufficientPoints, and what
    refuses points that are not within the programme's limits of a redemption.
    """
    programme = await programme_or_default(read, context)
    rules = await rules_for_quote(read, programme, found, cart)
    discounted = await discount_cart(rules, cart, shipping_minor, codes.unlocked)
    active = 0 if found is None else found.member.balance().active
    if points and points > active:
        raise InsufficientPoints(active=active, asked=points)
    promised, due_minor = programme.at(cart.at), discounted.payable_minor
    value = promised.points_value
    can_pay = active > 0 and (value is None or cart.currency == programme.currency)
    most = min(active, promised.redemption_points_max or active)
    usable = tender_of(most, due_minor, value) if can_pay else NOTHING
    if usable.points < (promised.redemption_points_min or 0):
        usable = NOTHING
    pays = tender_of(points, due_minor, value) if can_pay and points is not None else usable
    if points is not None and pays.points:
        check_limits(promised, pays.points)
    simulation = await simulate_purchase(read, context, found, discounted.net, rules)
    return Quote(discounted, simulation, value, active, usable, pays, codes)

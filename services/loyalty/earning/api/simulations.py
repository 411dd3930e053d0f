"""Simulations: what a purchase or an activity would earn, and why."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from services.loyalty.activities.domain.facts import ONE_UNIT
from services.loyalty.earning.api.documents import DocumentIn, DraftName, document_asked
from services.loyalty.earning.api.facts import FactsIn
from services.loyalty.earning.api.goals import GOAL_EXAMPLE, GoalStandingOut, goal_out
from services.loyalty.earning.api.rulebooks import HASH
from services.loyalty.earning.queries.rules_asked import Asked, AskedActivity
from services.loyalty.earning.queries.simulate_purchase import Simulation, simulate_purchase
from services.loyalty.earning.refusals import (
    DraftNotFound,
    RulebookInvalid,
    RulebookTooLarge,
    RulesForOperators,
)
from services.loyalty.http import (
    BuyerIn,
    FilledCapOut,
    RejectedRuleOut,
    SimulatedLineIn,
    SimulatedRuleOut,
    buyer_of,
    filled_caps,
    in_range,
    rejected_rules,
    simulated_rules,
    stored_lines,
)
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.redemptions.refusals import PaidOrderTooLarge
from services.loyalty.settings import Settings
from shared import money
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal
from shared.catalogues import field_sentence
from shared.events.base import Code
from shared.http.customers import Named
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import (
    Channel,
    CurrencyIn,
    InstantIn,
    Request,
    Response,
    Source,
    Store,
    example,
    refused,
)
from shared.http.routes import Router
from shared.http.shapes import not_both
from shared.limits import LINES_MAX, ORDER_AMOUNT_MAX
from shared.money import UnknownCurrency

router = Router(tags=["simulations"])

_TWO_DOCUMENTS = field_sentence(__name__, "two_documents")
_ONE_FACT = field_sentence(__name__, "one_fact")


class SimulatedActivityIn(Request):
    """An activity that nobody has told of."""

    kind: Code
    facts: FactsIn = {}


class SimulationIn(BuyerIn):
    """A purchase that nobody has made (`currency` and `lines`), or an activity."""

    model_config = example(
        not_both("draft", "document"),
        currency="CNY",
        lines=[{"sku": "TEA-1", "quantity": 2, "amount_minor": 5600, "category": "tea"}],
    )

    source: Source | None = Field(None, description="The system that the order or the activity comes from.")
    currency: CurrencyIn | None = None
    channel: Channel | None = None
    store: Store | None = None
    lines: Annotated[list[SimulatedLineIn], Field(min_length=1, max_length=LINES_MAX)] | None = None
    activity: SimulatedActivityIn | None = Field(
        None, description="In place of a purchase. Leave `currency`, `lines`, `channel` and `store` out."
    )
    at: Annotated[InstantIn, AfterValidator(in_range)] | None = Field(
        None,
        description="The time of the purchase or the activity, for operators also one ahead; by default now. It decides the version of the rules, the periods of caps, "
        "and the member's tier.",
    )
    draft: DraftName | None = Field(
        None, description="The name of a draft, in place of the version in force. For operators."
    )
    document: DocumentIn | None = Field(
        None, description="A document, in place of the version in force. For operators."
    )

    @model_validator(mode="after")
    def _has_one_document(self) -> Self:
        if self.draft is not None and self.document is not None:
            raise refused(_TWO_DOCUMENTS)
        return self

    @model_validator(mode="after")
    def _is_one_fact(self) -> Self:
        of_purchase = (self.currency, self.lines)
        is_purchase = None not in of_purchase and self.activity is None
        is_activity = (*of_purchase, self.channel, self.store) == (None,) * 4 and self.activity is not None
        if not is_purchase and not is_activity:
            raise refused(_ONE_FACT)
        return self


class SimulationOut(Response):
    """The points that a purchase or an activity would earn, and why: the answer of every rule."""

    model_config = example(
        at="2026-03-01T09:30:00Z", rulebook=2, hash=HASH, tier=None, points=56,
        applied=[
            {
                "rule": "base", "lines": None, "base_minor": 5600, "wanted": 56, "granted": 56, "cap": "daily",
                "budget": None, "cut_by": None,
                "available_at": None, "expires_at": None,
            }
        ],
        rejected=[{"rule": "big_order", "reason": "condition", "fact": "order.amount", "missing": 4400}],
        caps=[{"cap": "daily", "period_from": "2026-03-01", "limit": 100, "before": 0, "after": 56}],
        goals=[GOAL_EXAMPLE],
    )  # fmt: skip

    at: datetime
    rulebook: int | None = Field(
        description="The version of the rules; null for a draft or a document, and before the first fact."
    )
    hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    tier: str | None = Field(description="The member's tier before the purchase, if a rule looks at it.")
    points: int = Field(description="What all rules and goals together grant.")
    applied: list[SimulatedRuleOut]
    rejected: list[RejectedRuleOut]
    caps: list[FilledCapOut]
    goals: list[GoalStandingOut] = Field(
        description="`reached`, `granted` and `to_go` are those with the purchase."
    )


@router.post(
    "/v1/simulations",
    operation_id="simulate_purchase",
    summary="Simulate a purchase or an activity",
    allow=allow(OPERATORS, customer="owned"),
    errors=(
        UnknownMember,
        UnknownCurrency,
        PaidOrderTooLarge,
        DraftNotFound,
        RulesForOperators,
        RulebookInvalid,
        RulebookTooLarge,
    ),
)
async def post_simulation(
    read: Reading, context: InContext[Settings], caller: Caller, named: Named, body: SimulationIn
) -> SimulationOut:
    """Say what a purchase or an activity would earn as the member stands now: the answer of every rule, and what was missing. Nothing is written.

    It is worked out by the function by which they earn, so one with the same content earns the same, unless something
    happens to the member in between. Customers simulate their own by the version in force.
    """
    now = context.clock.now()
    is_ahead = body.at is not None and body.at > now
    if caller.customer_id is not None and (is_ahead or (body.draft, body.document) != (None, None)):
        raise RulesForOperators
    if body.currency is not None:
        money.exponent(body.currency)
    if sum(line.amount_minor for line in body.lines or ()) > ORDER_AMOUNT_MAX:
        raise PaidOrderTooLarge
    document = await document_asked(read, context, body.draft, body.document)
    identity_id = await buyer_of(read, caller, named, body)
    found = None if identity_id is None else await find_member(read, identity_id, now)
    asked = Asked(
        identity_id=identity_id or "",
        at=body.at or now,
        currency=body.currency or "",
        lines=ONE_UNIT if body.lines is None else stored_lines(body.lines),
        source=body.source,
        channel=body.channel,
        store=body.store,
        document=document,
        activity=None if body.activity is None else AskedActivity(body.activity.kind, body.activity.facts),
    )
    return _shown(asked.at, await simulate_purchase(read, context, found, asked), caller)


def _shown(at: datetime, simulation: Simulation, caller: Principal) -> SimulationOut:
    return SimulationOut(
        at=at,
        rulebook=simulation.version,
        hash=simulation.hash.hex(),
        tier=simulation.tier,
        points=simulation.points,
        applied=simulated_rules(simulation.rules),
        rejected=rejected_rules(simulation.rejected, caller),
        caps=filled_caps(simulation.caps),
        goals=[goal_out(standing) for standing in simulation.goals],
    )

"""Compute the scores of one customer from the facts."""

from dataclasses import dataclass

from services.scoring.facts.domain.facts import Cut
from services.scoring.facts.domain.state import State
from services.scoring.facts.queries.customers import find_customer
from services.scoring.facts.queries.zone import check_zone
from services.scoring.models.domain.kinds.rfm import Rfm
from services.scoring.models.domain.models import InForce
from services.scoring.models.queries.models import all_in_force
from services.scoring.scores.domain import answers
from services.scoring.scores.domain.answers import ExpectedSpend, Repurchase
from services.scoring.scores.refusals import UnknownCustomer
from services.scoring.settings import Settings
from shared import money
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one customer as of a cut, and the models that answered. A score is None when no purchase counts."""

    customer_id: str
    cut: Cut
    state: State
    rfm: Rfm | None
    rfm_model: InForce
    repurchase: Repurchase | None
    repurchase_model: InForce
    spend: ExpectedSpend | None
    spend_model: InForce | None
    """None when no version was fitted for the customer's currency."""


async def scores_of(read: Read, context: Context[Settings], customer_id: str, asked: Cut | None) -> Scores:
    """Compute the scores of a customer at a cut; None: at the present.

    Raises UnknownCustomer and ZoneChanged.
    """
    zone = context.settings.time_zone
    await check_zone(read, context)
    customer = await find_customer(read, customer_id)
    if customer is None:
        raise UnknownCustomer
    cut = asked or answers.present(context.clock.now(), zone)
    state = answers.state_at(customer.history, cut)
    used = await all_in_force(read, cut.day, zone.key)
    rfm_model, repurchase_model = used["rfm", ""], used["bg_nbd", ""]
    spend_model = used.get(("gamma_gamma", state.currency or ""))
    exponent = money.exponent(state.currency) if state.currency else 0
    return Scores(
        customer_id=customer.customer_id,
        cut=cut,
        state=state,
        rfm=answers.judge_rfm(state, rfm_model, cut),
        rfm_model=rfm_model,
        repurchase=answers.judge_repurchase(state, repurchase_model, cut),
        repurchase_model=repurchase_model,
        spend=answers.judge_spend(state, spend_model, exponent),
        spend_model=spend_model,
    )

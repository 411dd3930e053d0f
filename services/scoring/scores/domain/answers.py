"""Answers about one customer as of a day or an instant, computed from facts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from services.scoring.facts.domain.facts import Cut, History, roll_up
from services.scoring.facts.domain.state import State, fold
from services.scoring.models.domain import models
from services.scoring.models.domain.kinds import BgNbd, Cuts, GammaGamma, bg_nbd, gamma_gamma, rfm
from services.scoring.models.domain.kinds.rfm import Rfm
from services.scoring.models.domain.models import Confidence, InForce, SpendNote
from shared.local_time import local_day

HORIZON_DAYS = 90
RepurchaseNote = Literal["no_repeat_yet", "no_dropout_seen"]
SpendReason = Literal["no_fit_for_currency", "no_population_mean"]


@dataclass(frozen=True, slots=True)
class Repurchase:
    """The BG/NBD answer: the probability to be alive, and the expected purchase days in the next HORIZON_DAYS."""

    p_alive: float
    expected_purchases: float
    customer: bg_nbd.Repeat


@dataclass(frozen=True, slots=True)
class ExpectedSpend:
    """The Gamma-Gamma answer in minor units of `currency`; None with the reason where it cannot be given."""

    amount_minor: int | None
    currency: str
    reason: SpendReason | None


def present(now: datetime, zone: ZoneInfo) -> Cut:
    """Return the cut at the present. A fact that is dated ahead of our clock counts from its own instant on."""
    return Cut(local_day(now, zone), now)


def state_at(history: History, cut: Cut) -> State:
    """Return the customer's state as of a cut: what had happened by then, as it is known now."""
    then = history.until(cut)
    return fold(roll_up(then.purchases, then.returns))


def judge_rfm(state: State, used: InForce, cut: Cut) -> Rfm | None:
    """Return RFM as of the cut; None when no purchase counts."""
    assert isinstance(used.model.parameters, Cuts)
    return rfm.rfm(state, used.model.parameters, cut.day)


def judge_repurchase(state: State, used: InForce, cut: Cut) -> Repurchase | None:
    """Return P(alive) and the expected purchase days after the cut; None when no purchase counts."""
    assert isinstance(used.model.parameters, BgNbd)
    customer = bg_nbd.prepare(state, cut.day)
    if customer is None:
        return None
    return Repurchase(
        p_alive=bg_nbd.p_alive(used.model.parameters, customer),
        expected_purchases=bg_nbd.expected_purchases(
            used.model.parameters, customer, HORIZON_DAYS / bg_nbd.DAYS_PER_WEEK
        ),
        customer=customer,
    )


def note_of(answer: Repurchase, used: InForce) -> RepurchaseNote | None:
    """Return why P(alive) is 1 by definition; None where it was estimated."""
    if answer.customer.x == 0:
        return "no_repeat_yet"
    assert isinstance(used.model.parameters, BgNbd)
    return None if used.model.parameters.knows_dropout else "no_dropout_seen"


def spend_note_of(answer: ExpectedSpend, used: InForce | None) -> SpendNote | None:
    """Return what the expected spend rests on other than a fit to all customers; None if nothing."""
    return None if used is None or answer.amount_minor is None else models.spend_note_of(used.model)


def judge_spend(state: State, used: InForce | None, exponent: int) -> ExpectedSpend | None:
    """Return the expected spend of a purchase day in the main currency, which has `exponent` decimals.

    None when no purchase counts.
    """
    spend = gamma_gamma.prepare(state)
    if spend is None or state.currency is None:
        return None
    if used is None:
        return ExpectedSpend(None, state.currency, "no_fit_for_currency")
    assert isinstance(used.model.parameters, GammaGamma)
    scale = 10**exponent
    expected = gamma_gamma.expected_spend(used.model.parameters, spend.x, spend.z_minor / scale)
    if expected is None:
        return ExpectedSpend(None, state.currency, "no_population_mean")
    return ExpectedSpend(round(expected * scale), state.currency, None)


def confidence_of(used: InForce, state: State) -> Confidence:
    """Return how far an answer about this customer can be trusted."""
    return models.confidence(used, state.purchases)

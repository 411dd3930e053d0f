"""What is answered about one customer as of a day or an instant: computed from facts, nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from services.scoring.domain import models
from services.scoring.domain.facts import Cut, Purchase, Return, roll_up
from services.scoring.domain.models import Confidence, InForce
from services.scoring.domain.scores import BgNbd, Cuts, GammaGamma, bg_nbd, gamma_gamma, rfm
from services.scoring.domain.scores.rfm import Rfm
from services.scoring.domain.state import State, fold
from services.scoring.domain.statements import local_day

HORIZON_DAYS = 90
SpendReason = Literal["no_fit_for_currency", "no_population_mean"]


@dataclass(frozen=True, slots=True)
class Repurchase:
    """The BG/NBD answer: alive, and purchase days to come in the next HORIZON_DAYS."""

    p_alive: float
    expected_purchases: float
    customer: bg_nbd.Repeat


@dataclass(frozen=True, slots=True)
class ExpectedSpend:
    """The Gamma-Gamma answer in minor units of `currency`; None with the reason where it cannot be given."""

    amount_minor: int | None
    currency: str
    reason: SpendReason | None


def cut_at(
    asked: Cut | None, purchases: Sequence[Purchase], returns: Sequence[Return], now: datetime, zone: ZoneInfo
) -> Cut:
    """Where facts are cut: as asked, else at the present or at the last fact, which may be a day ahead of it."""
    if asked is not None:
        return asked
    bought = (purchase.occurred_at for purchase in purchases)
    returned = (back.occurred_at for back in returns)
    instant = max((now, *bought, *returned))
    return Cut(local_day(instant, zone), instant)


def state_at(purchases: Sequence[Purchase], returns: Sequence[Return], cut: Cut) -> State:
    """The customer's state as of a cut: what had happened by then, as known now."""
    return fold(roll_up(filter(cut.admits, purchases), filter(cut.admits, returns)))


def judge_rfm(state: State, used: InForce, cut: Cut) -> Rfm | None:
    """RFM as of the cut; None when no purchase counts."""
    assert isinstance(used.model.parameters, Cuts)
    return rfm.rfm(state, used.model.parameters, cut.day)


def judge_repurchase(state: State, used: InForce, cut: Cut) -> Repurchase | None:
    """P(alive) and expected purchase days after the cut; None when no purchase counts."""
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


def judge_spend(state: State, used: InForce | None, exponent: int) -> ExpectedSpend | None:
    """Expected spend of a purchase day in the main currency, which has `exponent` decimals."""
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
    """How much an answer about this customer rests on."""
    return models.confidence(used, state.purchases)

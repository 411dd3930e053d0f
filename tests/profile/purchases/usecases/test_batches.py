"""A batch answers each of its items as if the items had come one after the other, each alone."""

import random
from datetime import timedelta

import pytest

from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.record_purchases import Outcome
from shared.ids import new_id
from tests.parts.sampling import LONG
from tests.profile.running import NOW, Profile, reported

BATCHES, ITEMS_MAX = (200 if LONG else 12), 9
UNKNOWN = new_id("cus")


def drawn(random_: random.Random, world: str) -> Purchase:
    """Draw a purchase of few orders and few customers, so that items of one batch meet. Worlds share nothing."""
    number = random_.randrange(3)
    named = random_.choice(
        [
            {"external_id": f"{world}-C{number}"},
            {"external_id": f"{world}-C{number}", "phone": f"+861380013{world}00{random_.randrange(2)}"},
            {"phone": f"+861380013{world}00{random_.randrange(2)}"},
            {"id": UNKNOWN},
            {"phone": "12"},
        ]
    )
    at = NOW + timedelta(days=random_.choice([0, 0, 0, 2]))
    line = Line("TEA", 1, random_.choice([100, 100, 200, 10**14]))
    return reported(f"{world}-{random_.randrange(3)}", line, at=at, **named)


def summary(outcomes: list[Outcome]) -> list[tuple[object, ...]]:
    """Return what an outcome says, with identities and purchases by the place where each was seen first."""
    places: dict[str, int] = {}
    return [
        (
            places.setdefault(outcome.purchase_id, len(places)),
            places.setdefault(outcome.holder, len(places)),
            outcome.amount_minor,
            outcome.unattached,
        )
        if isinstance(outcome, PurchaseRecord)
        else (outcome.code, tuple(error.pointer for error in outcome.errors), str(outcome))
        for outcome in outcomes
    ]


@pytest.mark.parametrize("number", range(BATCHES))
async def test_a_batch_answers_like_its_items_alone(
    profile: Profile, seeded: random.Random, number: int
) -> None:
    state, size = seeded.getstate(), seeded.randrange(2, ITEMS_MAX + 1)
    together = [drawn(seeded, "1") for _ in range(size)]
    seeded.setstate(state)
    seeded.randrange(2, ITEMS_MAX + 1)
    alone = [drawn(seeded, "2") for _ in range(size)]
    outcomes = await profile.buy(*together)
    expected = [(await profile.buy(purchase))[0] for purchase in alone]
    assert summary(outcomes) == summary(expected)
    assert await profile.drift() == []


async def test_an_order_is_recorded_after_a_refused_report_of_it(profile: Profile) -> None:
    outcomes = await profile.buy(reported("1", id=UNKNOWN), reported("1", external_id="C-1"))
    assert [getattr(outcome, "code", "recorded") for outcome in outcomes] == ["unknown_customer", "recorded"]

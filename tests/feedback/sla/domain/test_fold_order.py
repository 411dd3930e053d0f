"""The fold does not care in which order facts come to light, nor how often."""

import random
from datetime import UTC, datetime, timedelta

from services.feedback.sla.domain.calendar import Calendar, Window
from services.feedback.sla.domain.facts import Assessed, Fact, Milestone, Moved, Opened, Said
from services.feedback.sla.domain.policy import Attributes, Metric, Policy, Promise, Rules
from services.feedback.sla.domain.verdict import clocks

H = 3600
START = datetime(2013, 3, 21, 9, 30, tzinfo=UTC)
NORMAL, HIGH = Attributes("web", "normal"), Attributes("web", "high")
OFFICE = Calendar("office", 1, "Europe/Berlin", ((Window(8 * H, 18 * H),),) * 5 + ((), ()))


def rules() -> Rules:
    high = {Metric.RESOLUTION: Promise(H, "office"), Metric.NEXT_RESPONSE: Promise(H, "office", warn=(600,))}
    default = {
        Metric.FIRST_RESPONSE: Promise(H, "office"),
        Metric.NEXT_RESPONSE: Promise(2 * H, "office"),
        Metric.RESOLUTION: Promise(3 * H, "office"),
    }
    return Rules(
        (Policy("high", 1, 1, {"priority": ["high"]}, high), Policy("default", 1, 9, None, default)),
        (OFFICE,),
    )


def test_3000_random_orders_of_the_same_facts_with_repeats_give_the_same_clocks(
    seeded: random.Random,
) -> None:
    both = rules()
    milestones = [milestone for milestone in Milestone if milestone is not Milestone.REOPENED]
    for _ in range(100):
        facts: list[Fact] = [Opened(START, "0", NORMAL)]
        for number in range(12):
            at = START + timedelta(seconds=seeded.randrange(6 * H))
            facts.append(
                seeded.choice(
                    [
                        Said(at, str(number), by_customer=seeded.random() < 0.5),
                        Moved(at, str(number), seeded.choice(milestones)),
                        Assessed(at, str(number), seeded.choice([NORMAL, HIGH])),
                    ]
                )
            )
        now = START + timedelta(seconds=seeded.randrange(7 * H))
        expected = clocks(facts, both, now)
        for _ in range(30):
            shuffled = facts + seeded.sample(facts, 3)
            seeded.shuffle(shuffled)
            assert clocks(shuffled, both, now) == expected

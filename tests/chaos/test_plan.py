"""A plan brings every fault that a round needs, whatever the seed and however often a fault finds no moment."""

from collections import Counter
from random import Random

import pytest

from tests.chaos.plan import MISSES_MAX, Fault, Plan

KINDS = 18
STRIKES_MIN = 7
REQUIRED = ("fault 3", "fault 11")


async def strikes() -> bool:
    return True


FAULTS = [
    Fault(f"fault {number}", 1, strikes, is_required=f"fault {number}" in REQUIRED) for number in range(KINDS)
]


@pytest.mark.parametrize("seed", range(20))
def test_required_faults_come_among_the_first_and_every_kind_comes_once_before_any_comes_twice(
    seed: int,
) -> None:
    struck = Counter[str]()
    plan = Plan(FAULTS, Random(seed), struck, strikes_min=STRIKES_MIN)

    kinds = [plan.next().kind for _ in range(KINDS)]

    assert set(REQUIRED) <= set(kinds[:STRIKES_MIN])
    assert sorted(kinds) == sorted(fault.kind for fault in FAULTS)


def test_required_faults_come_in_different_places_with_different_seeds() -> None:
    places = set()
    for seed in range(20):
        plan = Plan(FAULTS, Random(seed), Counter(), strikes_min=STRIKES_MIN)
        places.add([plan.next().kind for _ in range(STRIKES_MIN)].index(REQUIRED[0]))

    assert len(places) > 1


def test_a_required_fault_is_tried_until_it_strikes_and_another_one_a_few_times() -> None:
    struck = Counter[str]()
    plan = Plan(FAULTS, Random(1), struck, strikes_min=STRIKES_MIN)
    tries_wanted, tries = 3 * MISSES_MAX, Counter[str]()

    while plan.missing:
        fault = plan.next()
        tries[fault.kind] += 1
        if fault.is_required and tries[fault.kind] == tries_wanted:
            struck[fault.kind] += 1
        else:
            plan.missed(fault)

    assert plan.missing == []
    assert [tries[kind] for kind in REQUIRED] == [tries_wanted] * len(REQUIRED)
    assert {tries[kind] for kind in tries if kind not in REQUIRED} <= {MISSES_MAX + 1}


def test_a_plan_is_fulfilled_by_enough_strikes_with_every_required_kind_among_them() -> None:
    struck = Counter({f"fault {number}": 1 for number in range(4, 4 + STRIKES_MIN)})
    plan = Plan(FAULTS, Random(1), struck, strikes_min=STRIKES_MIN)

    assert (plan.missing, plan.is_fulfilled) == (list(REQUIRED), False)
    struck.update(REQUIRED)
    assert (plan.missing, plan.is_fulfilled) == ([], True)
    struck.clear()
    struck.update(REQUIRED)
    assert (plan.missing, plan.is_fulfilled) == ([], False)

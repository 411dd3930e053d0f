"""Seeded samples: `make test` tries some of the cases of an attack, `make test-long` all of them."""

import os
import random
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

LONG = os.environ.get("TEST_LONG") == "1"
"""Whether attacks, fuzz and property tests try everything, or a seeded sample."""

T = TypeVar("T")


def sample(chance: random.Random, cases: Iterable[T], most: int) -> list[T]:
    """Return all cases in a long run, else `most` of them, in their order."""
    listed = list(cases)
    if LONG or len(listed) <= most:
        return listed
    return [listed[place] for place in sorted(chance.sample(range(len(listed)), most))]


def limit(in_a_sample: int, in_a_long_run: int) -> int:
    """Return how many rounds this run tries."""
    return in_a_long_run if LONG else in_a_sample


def sample_of_each(
    chance: random.Random, cases: Iterable[T], kind: Callable[[T], Hashable], most: int
) -> list[T]:
    """Return all cases in a long run, else `most` of each kind, so that each kind is tried and none grows."""
    kinds: dict[Hashable, list[T]] = {}
    for case in cases:
        kinds.setdefault(kind(case), []).append(case)
    return [case for listed in kinds.values() for case in sample(chance, listed, most)]

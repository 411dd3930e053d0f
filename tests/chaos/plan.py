"""The plan of a round: which fault strikes next, and whether the round has met every fault that it needs."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

MISSES_MAX = 2
"""How often a kind of fault that found no moment to strike is tried again. A required kind is tried without a limit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    kind: str
    weight: int
    """How often this kind is chosen, beside the other kinds."""
    strike: Callable[[], Awaitable[bool]]
    """Strike, and return whether the fault found its moment."""
    is_required: bool = False
    """Whether a round counts only if this kind struck."""
    is_long: bool = False
    """Whether it lasts too long for the short round of every test run."""


class Family(Protocol):
    """Faults of one sort of parts, and the way to mend these parts."""

    def faults(self) -> Sequence[Fault]:
        """Return every kind of fault of this family."""
        ...

    async def mend(self) -> None:
        """Have every part run again that this family strikes."""
        ...


class Plan:
    """Chooses the faults of one round.

    Every kind comes once before any kind comes twice. The required kinds are among the first `strikes_min` faults, so
    that a short round meets them too. A kind that found no moment to strike is tried again before the other kinds.
    """

    def __init__(
        self, faults: Sequence[Fault], random: Random, strikes: Counter[str], *, strikes_min: int
    ) -> None:
        """Plan a round of these faults; `strikes` is counted by the caller: how often each kind has struck."""
        self._faults, self._random, self._strikes, self._strikes_min = faults, random, strikes, strikes_min
        self._coming = _in_order(faults, random, strikes_min)
        self._misses = Counter[str]()

    @property
    def missing(self) -> list[str]:
        """The required kinds that have not struck yet."""
        return [fault.kind for fault in self._faults if fault.is_required and not self._strikes[fault.kind]]

    @property
    def is_fulfilled(self) -> bool:
        """Whether enough faults have struck, and every required kind is among them."""
        return self._strikes.total() >= self._strikes_min and not self.missing

    def next(self) -> Fault:
        """Return the fault that is to strike now."""
        if self._coming:
            return self._coming.pop(0)
        return self._random.choices(self._faults, [fault.weight for fault in self._faults])[0]

    def missed(self, fault: Fault) -> None:
        """Try this fault again next, since it found no moment to strike."""
        self._misses[fault.kind] += 1
        if fault.kind in self.missing or self._misses[fault.kind] <= MISSES_MAX:
            self._coming.insert(0, fault)


def _in_order(faults: Sequence[Fault], random: Random, strikes_min: int) -> list[Fault]:
    """Return every fault once in random order, with the required ones among the first `strikes_min`."""
    required = [fault for fault in faults if fault.is_required]
    others = [fault for fault in faults if not fault.is_required]
    first_places = min(max(strikes_min, len(required)), len(faults))
    places = dict(zip(random.sample(range(first_places), len(required)), required, strict=True))
    rest = iter(random.sample(others, len(others)))
    return [places.get(place) or next(rest) for place in range(len(faults))]

"""What a rule of this house is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.architecture.sources import Source

Findings = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Rule:
    """What is looked for, why, and a file that must be found."""

    name: str
    reason: str
    check: Callable[[Source], Findings]
    bad: Source

    def __str__(self) -> str:
        return self.name

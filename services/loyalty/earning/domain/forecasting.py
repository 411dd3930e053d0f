"""Forecast a sum over members: where it would lie in another period like the one that was seen (docs/rules/earning.md)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

Z_SQUARED_NUMERATOR, Z_SQUARED_DENOMINATOR = 38_416, 10_000
"""The square of 1.96, between whose negative and itself a normal variable lies with 95 %."""


@dataclass(slots=True)
class Forecast:
    """A sum of what members add, and the sum of the squares."""

    total: int = 0
    squares: int = 0

    def add(self, part: int) -> None:
        """Add what one member adds."""
        self.total += part
        self.squares += part * part

    @property
    def interval(self) -> tuple[int, int]:
        """Return the interval in which the sum lies in 95 of 100 periods like this one, rounded outwards.

        How many members come in a period is a Poisson number, and what each adds is independent. Then the variance of the sum, a compound Poisson
        variable, is the expected number of members times the mean square of what one adds (S. Ross, Introduction to Probability Models, 5.4.2), and the sum of the squares
        estimates it without bias.
        """
        scaled = self.squares * Z_SQUARED_NUMERATOR
        half = isqrt(scaled // Z_SQUARED_DENOMINATOR)
        if half * half * Z_SQUARED_DENOMINATOR < scaled:
            half += 1
        return self.total - half, self.total + half

"""Races: the product and a bare baseline take turns in one run, so that a noisy machine is noisy to both.

A ratio is the median over the rounds. A rate is the best round, since other people's work only ever makes one slower;
for the same reason the time in which the working process could have run but was given no core is not counted (the
kernel tells it in `/proc/<pid>/schedstat`; on a quiet machine it is next to nothing).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

NANOSECONDS = 1e-9


@dataclass(slots=True)
class Stopwatch:
    """How long a block took, in seconds: without the time it waited for a core, and by the clock on the wall."""

    seconds: float = 0.0
    by_the_clock: float = 0.0


@dataclass(slots=True)
class Race:
    """One figure: rates of the product and of its baseline, a pair a round, and the goals they are held to."""

    name: str
    baseline: str
    unit: str = "events/s"
    rate_min: float | None = None
    ratio_min: float | None = None
    product: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    by_the_clock: list[float] = field(default_factory=list)

    def lap(self, count: int, product: Stopwatch, bare: Stopwatch) -> None:
        """Note one round in which both did `count` pieces of work."""
        self.product.append(count / product.seconds)
        self.bare.append(count / bare.seconds)
        self.by_the_clock.append(count / product.by_the_clock)

    def note(self, product: float, bare: float) -> None:
        """Note one round by its rates, where many processes did the work."""
        self.product.append(product)
        self.bare.append(bare)
        self.by_the_clock.append(product)

    @property
    def rate(self) -> float:
        """The product's best round."""
        return max(self.product)

    @property
    def ratio(self) -> float:
        """Median of the rounds: the product as a share of its baseline."""
        return median(product / bare for product, bare in zip(self.product, self.bare, strict=True))

    def row(self) -> tuple[str, ...]:
        """The line of the table."""
        goals = [f"≥ {self.rate_min:,.0f}"] if self.rate_min is not None else []
        goals += [f"≥ {self.ratio_min:.0%}"] if self.ratio_min is not None else []
        return (
            self.name,
            f"{self.rate:,.0f} {self.unit}",
            f"{median(self.by_the_clock):,.0f}",
            f"{self.ratio:.0%}",
            f"{max(self.bare):,.0f}",
            self.baseline,
            ", ".join(goals) or "none",
            "reached" if self.reached() else "MISSED",
        )

    def reached(self) -> bool:
        """Whether every goal is."""
        fast = self.rate_min is None or self.rate >= self.rate_min
        return fast and (self.ratio_min is None or self.ratio >= self.ratio_min)


@dataclass(slots=True)
class Size:
    """One figure that has to stay below a limit: seconds or megabytes, beside what cannot be avoided."""

    name: str
    value: float
    limit: float
    unit: str
    bare: float
    baseline: str

    def row(self) -> tuple[str, ...]:
        """The line of the table."""
        return (
            self.name,
            f"{self.value:,.1f} {self.unit}",
            f"{self.value:,.1f}",
            f"{self.value / self.bare:.0%}",
            f"{self.bare:,.1f}",
            self.baseline,
            f"≤ {self.limit:,.0f} {self.unit}",
            "reached" if self.reached() else "MISSED",
        )

    def reached(self) -> bool:
        """Whether it is below its limit."""
        return self.value <= self.limit


HEADINGS = (
    "figure",
    "best round",
    "median by the clock",
    "of the baseline",
    "baseline",
    "which is",
    "goal",
    "",
)
FIGURES: list[Race | Size] = []
"""What this run has measured, for the table at its end."""


def conclude(figure: Race | Size) -> None:
    """Put a figure into the table, and fail where a goal is missed."""
    FIGURES.append(figure)
    assert figure.reached(), " | ".join(figure.row())


@contextmanager
def timed(worker: int | None = None) -> Iterator[Stopwatch]:
    """Time a block whose work is done by the process `worker` (None: by this one)."""
    watch, began, before = Stopwatch(), time.perf_counter(), waited(worker)
    try:
        yield watch
    finally:
        watch.by_the_clock = time.perf_counter() - began
        watch.seconds = watch.by_the_clock - (waited(worker) - before)


def waited(worker: int | None = None) -> float:
    """Seconds for which a process was ready to run and had no core; 0 where the kernel does not tell."""
    told = Path(f"/proc/{worker or 'self'}/schedstat")
    return int(told.read_text().split()[1]) * NANOSECONDS if told.exists() else 0.0


def table() -> Iterator[str]:
    """The figures as the lines of a Markdown table."""
    rows = [HEADINGS, *(figure.row() for figure in FIGURES)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"

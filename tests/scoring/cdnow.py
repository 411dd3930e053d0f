"""The CDNOW cohort as facts and states (origin in tests/data/cdnow/README.md)."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path

from services.scoring.facts.domain.facts import Purchase, roll_up
from services.scoring.facts.domain.state import State, fold
from services.scoring.models.domain.kinds import bg_nbd

DATA = Path(__file__).parents[1] / "data" / "cdnow"
UNTIL = date(1997, 9, 30)
END = date(1998, 6, 30)


@cache
def purchases(*, sample: bool) -> tuple[Purchase, ...]:
    """Every line as a purchase, stamped noon UTC, the row number as its id."""
    if sample:
        lines = (DATA / "CDNOW_sample.txt").read_text().splitlines()
        cells = [line.split()[1:] for line in lines if line.strip()]
    else:
        with gzip.open(DATA / "CDNOW_master.txt.gz", "rt") as file:
            cells = [line.split() for line in file.read().splitlines()[1:] if line.strip()]
    return tuple(_purchase(number, *row) for number, row in enumerate(cells))


def _purchase(number: int, customer: str, stamp: str, units: str, dollars: str) -> Purchase:
    day = date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:]))
    return Purchase(
        purchase_id=f"{number:06}", identity_id=customer, occurred_at=datetime.combine(day, time(12), UTC), day=day,
        currency="USD", amount_minor=int(Decimal(dollars) * 100), units=int(units),
    )  # fmt: skip


@cache
def states(*, sample: bool, until: date = UNTIL) -> dict[str, State]:
    """The state of each customer from the purchases up to and including `until`."""
    of: dict[str, list[Purchase]] = {}
    for purchase in purchases(sample=sample):
        if purchase.day <= until:
            of.setdefault(purchase.identity_id, []).append(purchase)
    return {customer: fold(roll_up(bought, ())) for customer, bought in of.items()}


def repeat_rows(of: Iterable[State], until: date = UNTIL) -> list[tuple[int, int, int, int]]:
    """Unique (x, t_x, T) in days with their customers."""
    counts = Counter(
        (state.days - 1, (state.last_day - state.first_day).days, (until - state.first_day).days)
        for state in of
        if state.first_day and state.last_day
    )
    return [(*key, customers) for key, customers in sorted(counts.items())]


def spend_rows(of: Iterable[State]) -> list[tuple[int, int, int]]:
    """Unique (x, Σ repeat spend in cents) with their customers."""
    counts = Counter(
        (state.currency_days - 1, state.net_minor - state.first_day_net)
        for state in of
        if state.currency_days > 1
    )
    return [(*key, customers) for key, customers in sorted(counts.items())]


@cache
def published_summary() -> tuple[tuple[bg_nbd.Repeat, float], ...]:
    """x, t_x, T and mean repeat spend of the 1/10 sample as published, rounded to .01 week."""
    with (DATA / "cdnow_customers_summary_with_transactions.csv").open() as file:
        return tuple(
            (bg_nbd.Repeat(int(row["x"]), float(row["t_x"]), float(row["T"])), float(row["zbar"]))
            for row in csv.DictReader(file)
        )

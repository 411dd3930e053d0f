"""Make the demo's data from the published files. It was run once, and its result is committed.

python -m huitou.demo.make_data transactions_sample.csv.gz products.csv.gz
"""

import csv
import gzip
import io
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import typer

SEED = 7
BASKETS_MAX = 10_000
FOLDER = Path(__file__).parent


class _Line(NamedTuple):
    household: str
    basket: str
    store: str
    at: datetime
    product: str
    quantity: int
    amount_minor: int


def make_data(transactions: Path, products: Path) -> None:
    """Write baskets.csv.gz and products.csv.gz beside this file: all baskets of a seeded sample of households."""
    households = _sample(_read_lines(transactions))
    lines = sorted((line for household in households for line in household), key=lambda line: (line.at, line))
    last = max(line.at.date() for line in lines)
    _write(
        FOLDER / "baskets.csv.gz",
        ("household", "basket", "store", "days_before_last", "time", "product", "quantity", "amount_minor"),
        (_row(line, last) for line in lines),
    )
    sold = {line.product for line in lines}
    columns = ("product_id", "department", "product_category", "product_type", "package_size", "brand")
    with gzip.open(products, "rt", encoding="utf-8", newline="") as file:
        rows = [[row[name] for name in columns] for row in csv.DictReader(file) if row["product_id"] in sold]
    _write(FOLDER / "products.csv.gz", ("product", "department", "category", "type", "size", "brand"), rows)


def _read_lines(path: Path) -> Iterator[_Line]:
    """Yield every line that sold something. The 416 lines of quantity 0 are corrections, not sales."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if quantity := int(float(row["quantity"])):
                at = datetime.fromisoformat(row["transaction_timestamp"])
                amount = round(float(row["sales_value"]) * 100)
                yield _Line(
                    row["household_id"],
                    row["basket_id"],
                    row["store_id"],
                    at,
                    row["product_id"],
                    quantity,
                    amount,
                )


def _sample(lines: Iterable[_Line]) -> list[list[_Line]]:
    """Return the lines of households that the seed draws, until BASKETS_MAX is reached."""
    by_household: dict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        by_household[line.household].append(line)
    drawn = sorted(by_household)
    random.Random(SEED).shuffle(drawn)
    sample: list[list[_Line]] = []
    baskets = 0
    for household in drawn:
        baskets += len({line.basket for line in by_household[household]})
        if baskets > BASKETS_MAX:
            break
        sample.append(by_household[household])
    return sample


def _row(line: _Line, last: date) -> Sequence[object]:
    days = (last - line.at.date()).days
    return (
        line.household, line.basket, line.store, days, line.at.strftime("%H:%M:%S"),
        line.product, line.quantity, line.amount_minor,
    )  # fmt: skip


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a gzip file without a time stamp, so that the same input gives the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.getvalue().encode())


if __name__ == "__main__":
    typer.run(make_data)

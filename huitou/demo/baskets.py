"""The demo's purchases, as requests for the public API."""

import csv
import gzip
from collections.abc import Iterator
from datetime import date, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

SOURCE = "demo-store"
CURRENCY = "USD"
FOLDER = Path(__file__).parent
BASKETS = 9_977
"""The number of baskets in the file."""


def purchases(last_day: date) -> Iterator[dict[str, Any]]:
    """Yield every basket in the order of time, with all dates moved so that the last baskets are on `last_day`."""
    products = {row["product"]: row for row in _rows("products.csv.gz")}
    for _, group in groupby(_rows("baskets.csv.gz"), key=lambda row: (row["household"], row["basket"])):
        rows = list(group)
        first = rows[0]
        day = last_day - timedelta(days=int(first["days_before_last"]))
        yield {
            "source": SOURCE,
            "order_id": first["basket"],
            "purchased_at": f"{day.isoformat()}T{time.fromisoformat(first['time']).isoformat()}Z",
            "customer": {"external_id": external_id(first["household"])},
            "currency": CURRENCY,
            "channel": "store",
            "store": f"store-{first['store']}",
            "lines": [_line(row, products[row["product"]]) for row in rows],
        }


def households() -> list[str]:
    """Return every household of the file, in the order of its first basket."""
    return list(dict.fromkeys(row["household"] for row in _rows("baskets.csv.gz")))


def external_id(household: str) -> str:
    """Return the customer's id in the shop's till."""
    return f"household-{household}"


def _line(row: dict[str, str], product: dict[str, str]) -> dict[str, Any]:
    line: dict[str, Any] = {
        "sku": row["product"],
        "quantity": int(row["quantity"]),
        "amount_minor": int(row["amount_minor"]),
    }
    name = " ".join(part for part in (product["type"], product["size"]) if part)
    category = product["category"] or product["department"]
    named = {"name": name, "category": category, "brand": product["brand"]}
    return line | {key: text for key, text in named.items() if text}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(FOLDER / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

"""Import a file of purchases: read it, check each order with the request's own model, send batches."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from huitou import purchase_batches
from huitou.client import Product
from huitou.imports import checkpoint, lines, orders
from huitou.imports.checkpoint import Checkpoint
from huitou.imports.orders import Order
from huitou.imports.report import Report, RowError
from services.profile.purchases.api.purchases import PurchaseIn
from services.profile.purchases.domain import purchases as rules
from services.profile.settings import Settings
from shared import money
from shared.clock import SystemClock
from shared.errors import DomainError
from shared.limits import BATCH_ITEMS_MAX

Progress = Callable[[int], None]
"""Receives the byte of the file up to which the import is done."""
Complain = Callable[[RowError], None]
"""Receives each error when it is found."""


def run(
    file: Path, source: str, *, home: Path, product: Product | None, progress: Progress, complain: Complain
) -> Report:
    """Import the file through `product`, or only check it if `product` is None (a dry run)."""
    began = time.monotonic()
    report = Report(str(file), source, dry_run=product is None, began_at=SystemClock().now())
    encoding = lines.encoding_of(file)
    header = next(lines.read_lines(file, encoding=encoding), None)
    columns = orders.columns_of(header.cells if header else [])
    place = checkpoint.path_of(home, file, source)
    at = _resume(report, place, dry_run=product is None)
    rows = lines.read_lines(file, encoding=encoding, start=at.next_byte, number=at.next_row) if at else None
    if rows is None:
        rows = islice(lines.read_lines(file, encoding=encoding), 1, None)
    for batch in _batches(orders.read_orders(rows, columns, source)):
        _import(batch, report, product, complain)
        progress(batch[-1].next_byte)
        if product is not None:
            checkpoint.write(place, _standing(report, batch[-1]))
    if product is not None:
        checkpoint.forget(place)
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _resume(report: Report, place: Path, *, dry_run: bool) -> Checkpoint | None:
    at = None if dry_run else checkpoint.read(place)
    if at is not None:
        report.resumed_at_row = at.next_row
        for name in ("rows", "orders", "imported", "repeated", "refused", "errors_count"):
            setattr(report, name, getattr(at, name))
    return at


def _standing(report: Report, last: Order) -> Checkpoint:
    return Checkpoint(
        next_byte=last.next_byte,
        next_row=last.rows[-1] + 1,
        rows=report.rows,
        orders=report.orders,
        imported=report.imported,
        repeated=report.repeated,
        refused=report.refused,
        errors_count=report.errors_count,
    )


def _batches(read: Iterator[Order]) -> Iterator[list[Order]]:
    while batch := list(islice(read, BATCH_ITEMS_MAX)):
        yield batch


def _import(batch: Sequence[Order], report: Report, product: Product | None, complain: Complain) -> None:
    for order in batch:
        if not order.errors:
            orders.blame(order, validate(order.body))
    good = [order for order in batch if not order.errors]
    if product is not None and good:
        for order, outcome in zip(
            good, purchase_batches.record(product, [order.body for order in good]), strict=True
        ):
            faults = [(_path(pointer), code, words) for pointer, code, words in outcome.faults]
            orders.blame(order, faults)
            if outcome.recorded_at is not None:
                report.imported += outcome.recorded_at >= report.began_at
                report.repeated += outcome.recorded_at < report.began_at
    for order in batch:
        report.rows += len(order.rows)
        report.orders += 1
        report.refused += bool(order.errors)
        for error in order.errors:
            report.add(error)
            complain(error)


@cache
def _profile() -> Settings:
    """Return the settings of profile, which takes the purchases in."""
    return Settings()


def validate(body: dict[str, Any]) -> list[orders.Fault]:
    """Check an order with the product's own model and rules, as far as they need no stored data."""
    try:
        purchase = PurchaseIn.model_validate(body).purchase
        money.exponent(purchase.currency)
        rules.must_be_believable(
            purchase.purchased_at, SystemClock().now(), "/purchased_at", _profile().purchases_since
        )
    except ValidationError as error:
        return [(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors(include_url=False)]
    except money.UnknownCurrency as error:
        return [(["currency"], error.code, str(error))]
    except DomainError as error:
        return [(_path(fault.pointer), fault.code, fault.en) for fault in error.errors]
    return []


def _path(pointer: str) -> list[str | int]:
    """Return the parts of an RFC 6901 pointer into the request's one purchase."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return [int(part) if part.isdigit() else part for part in parts]

"""Group the rows of a purchases file into orders: adjacent rows with one order id, one line item per row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from huitou.exits import Exit, Refused
from huitou.imports.lines import Line
from huitou.imports.report import RowError
from shared.limits import LINES_MAX

REQUIRED = ("order_id", "customer", "purchased_at", "currency", "sku", "category", "quantity", "amount_minor")
OPTIONAL = ("brand", "name", "channel", "store")
OF_THE_ORDER = ("customer", "purchased_at", "currency", "channel", "store")
"""Columns that have the same value on every row of an order."""


@dataclass(slots=True)
class Order:
    """One order of the file: the request that imports it, the numbers of its rows, and its errors."""

    body: dict[str, Any]
    rows: list[int]
    next_byte: int
    errors: list[RowError] = field(default_factory=list)


def columns_of(header: Sequence[str]) -> list[str]:
    """Return the header's columns. Raises Refused when a column is missing or unknown."""
    columns = [name.strip().lower() for name in header]
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown or len(set(columns)) < len(columns):
        words = [f"it lacks {', '.join(missing)}"] if missing else []
        for name in unknown:
            close = get_close_matches(name, (*REQUIRED, *OPTIONAL), n=1)
            words.append(f"{name!r} is not a column{f'; did you mean {close[0]!r}?' if close else ''}")
        raise Refused(
            Exit.USAGE,
            f"The first row must name the columns {', '.join(REQUIRED)} (optional: {', '.join(OPTIONAL)}): "
            + ("; ".join(words) or "one is named twice")
            + ".",
        )
    return columns


def read_orders(lines: Iterable[Line], columns: Sequence[str], source: str) -> Iterator[Order]:
    """Yield the orders in the sequence of the file.

    A row that cannot be read belongs to the order around it or to the order of its id. Otherwise it is an order alone.
    """
    for group in _groups(lines, columns):
        yield _order(group, columns, source)


def _groups(lines: Iterable[Line], columns: Sequence[str]) -> Iterator[list[Line]]:
    order_at = columns.index("order_id")

    def id_of(line: Line) -> str | None:
        return line.cells[order_at].strip('"') if len(line.cells) > order_at else None

    group: list[Line] = []
    doubtful: list[Line] = []
    for line in lines:
        if _is_broken(line, columns) and len(doubtful) < LINES_MAX:
            doubtful.append(line)
        elif group and id_of(line) == id_of(group[0]):
            group = _bounded([*group, *doubtful, line])
            doubtful = []
        else:
            before = [row for row in doubtful if group and id_of(row) == id_of(group[0])]
            after = [row for row in doubtful if row not in before and id_of(row) == id_of(line)]
            yield from _filled([_bounded([*group, *before])])
            yield from ([row] for row in doubtful if row not in before and row not in after)
            group, doubtful = [*after, line], []
    before = [row for row in doubtful if group and id_of(row) == id_of(group[0])]
    yield from _filled([_bounded([*group, *before])])
    yield from ([row] for row in doubtful if row not in before)


def _filled(groups: list[list[Line]]) -> list[list[Line]]:
    return [group for group in groups if group]


def _bounded(group: list[Line]) -> list[Line]:
    """Shorten an order that is too long. It is refused anyway, and only the place of its last row is needed."""
    return group if len(group) <= LINES_MAX + 1 else [*group[:LINES_MAX], group[-1]]


def _is_broken(line: Line, columns: Sequence[str]) -> bool:
    return line.error is not None or len(line.cells) != len(columns)


def _order(lines: list[Line], columns: Sequence[str], source: str) -> Order:
    order = Order({}, [line.number for line in lines], lines[-1].next_byte)
    order.errors += [line.error or _wrong_width(line, columns) for line in lines if _is_broken(line, columns)]
    if order.errors:
        return order
    rows = [dict(zip(columns, line.cells, strict=True)) for line in lines]
    first = rows[0]
    for number, row in zip(order.rows, rows, strict=True):
        for name in OF_THE_ORDER:
            if row.get(name) != first.get(name):
                order.errors.append(
                    RowError(number, name, "differs_in_order", "differs from the order's first row")
                )
    if len(rows) > LINES_MAX:
        order.errors.append(
            RowError(order.rows[0], "order_id", "too_many_lines", f"more than {LINES_MAX} rows")
        )
    body = {
        "source": source,
        "order_id": first["order_id"],
        "purchased_at": first["purchased_at"],
        "customer": {"external_id": first["customer"]},
        "currency": first["currency"],
        "lines": [_line(row, number, order) for number, row in zip(order.rows, rows, strict=True)],
    }
    order.body = body | {name: first[name] for name in ("channel", "store") if first.get(name)}
    return order


def _line(row: Mapping[str, str], number: int, order: Order) -> dict[str, Any]:
    line: dict[str, Any] = {"sku": row["sku"]}
    for name in ("quantity", "amount_minor"):
        try:
            line[name] = _integer(row[name])
        except ValueError:
            order.errors.append(
                RowError(number, name, "not_an_integer", "must be a whole number, written in digits")
            )
    return line | {name: row[name] for name in ("category", "brand", "name") if row.get(name)}


def _integer(text: str) -> int:
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
        raise ValueError
    return int(text)


def _wrong_width(line: Line, columns: Sequence[str]) -> RowError:
    return RowError(
        line.number,
        "",
        "wrong_number_of_columns",
        f"has {len(line.cells)} columns, the header has {len(columns)}",
    )


Fault = tuple[Sequence[str | int], str, str]
"""A fault of a request: its path, a code and a sentence."""


def blame(order: Order, faults: Iterable[Fault]) -> None:
    """Add each fault of the order's request to its errors, with the row and the column of the fault."""
    for path, code, detail in faults:
        row, column = _place(order, path)
        order.errors.append(RowError(row, column, code, detail))


def _place(order: Order, path: Sequence[str | int]) -> tuple[int, str]:
    match list(path):
        case ["lines", int(at), *rest]:
            return order.rows[at], str(rest[0]) if rest else ""
        case ["customer", *_]:
            return order.rows[0], "customer"
        case [str(name), *_]:
            return order.rows[0], name
    return order.rows[0], ""

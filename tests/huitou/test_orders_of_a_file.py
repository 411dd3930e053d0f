from pathlib import Path

import pytest

from huitou.exits import Refused
from huitou.imports import lines, orders
from huitou.imports.orders import Order
from shared.limits import LINES_MAX

HEADER = "order_id,customer,purchased_at,currency,sku,category,quantity,amount_minor"
GOOD = "{order},ann,2026-01-01T12:00:00Z,USD,cd,music,1,{amount}"


def _orders(path: Path, text: str | bytes) -> list[Order]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows = lines.read_lines(path, encoding=lines.encoding_of(path))
    columns = orders.columns_of(next(rows).cells)
    return list(orders.read_orders(rows, columns, "till"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "purchases.csv"


def test_adjacent_rows_of_one_order_are_its_lines(path: Path) -> None:
    rows = [
        HEADER,
        GOOD.format(order=1, amount=5),
        GOOD.format(order=1, amount=7),
        GOOD.format(order=2, amount=9),
    ]

    first, second = _orders(path, "\n".join(rows))

    assert [line["amount_minor"] for line in first.body["lines"]] == [5, 7]
    assert first.body["customer"] == {"external_id": "ann"}
    assert (first.body["source"], first.body["order_id"], first.rows) == ("till", "1", [2, 3])
    assert second.body["order_id"] == "2"


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ("1,ann,only three", "wrong_number_of_columns"),
        ('1,"ann,2026-01-01T12:00:00Z,USD,cd,music,1,5', "bad_csv"),
        ("garbage", "wrong_number_of_columns"),
        ("1,ann,2026-01-01T12:00:00Z,USD,cd,music,1.5,5", "not_an_integer"),
        ("1,bob,2026-01-01T12:00:00Z,USD,cd,music,1,5", "differs_in_order"),
    ],
)
def test_a_broken_row_in_the_middle_spoils_its_order_whole_and_no_other(
    path: Path, broken: str, code: str
) -> None:
    good = GOOD.format(order=1, amount=5)
    rows = [HEADER, GOOD.format(order=0, amount=1), good, broken, good, GOOD.format(order=2, amount=9)]

    read = _orders(path, "\r\n".join(rows))

    assert [order.rows for order in read] == [[2], [3, 4, 5], [6]]
    assert [error.code for error in read[1].errors] == [code]
    assert [error.row for error in read[1].errors] == [4]
    assert not read[0].errors
    assert not read[2].errors


def test_a_broken_row_that_names_the_next_order_spoils_that_one(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), "2,ann", GOOD.format(order=2, amount=9)]

    read = _orders(path, "\n".join(rows))

    assert [(order.rows, bool(order.errors)) for order in read] == [([2], False), ([3, 4], True)]


def test_a_broken_row_between_two_orders_stands_alone(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), "???", GOOD.format(order=2, amount=9)]

    read = _orders(path, "\n".join(rows))

    assert [(order.rows, bool(order.errors)) for order in read] == [([2], False), ([3], True), ([4], False)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_is_read_in_the_encodings_that_shops_export(path: Path, encoding: str) -> None:
    text = f"{HEADER}\n{GOOD.format(order=1, amount=5).replace('music', '音乐')}\n"

    (order,) = _orders(path, text.encode(encoding))

    assert order.body["lines"][0]["category"] == "音乐"


def test_a_byte_that_is_no_text_spoils_its_row_only(path: Path) -> None:
    rows = [HEADER, GOOD.format(order="é1", amount=5), "X", GOOD.format(order="é2", amount=5)]

    read = _orders(path, "\n".join(rows).encode().replace(b"X", b"2,\xff\xff\xff"))

    assert [[error.code for error in order.errors] for order in read] == [[], ["bad_encoding"], []]


def test_an_endless_row_is_read_past(path: Path) -> None:
    rows = [
        HEADER,
        GOOD.format(order=1, amount=5),
        "x" * (lines.LINE_BYTES_MAX * 3),
        GOOD.format(order=2, amount=5),
    ]

    read = _orders(path, "\n".join(rows))

    assert [[error.code for error in order.errors] for order in read] == [[], ["row_too_long"], []]


def test_an_order_that_never_ends_is_refused(path: Path) -> None:
    rows = [
        HEADER,
        *[GOOD.format(order=1, amount=5)] * (LINES_MAX + 50),
        GOOD.format(order=2, amount=5),
    ]

    endless, other = _orders(path, "\n".join(rows))

    assert [error.code for error in endless.errors] == ["too_many_lines"]
    assert not other.errors


def test_a_missing_or_misspelt_column_is_named(path: Path) -> None:
    with pytest.raises(
        Refused, match=r"lacks quantity.*'quantiti' is not a column; did you mean 'quantity'\?"
    ):
        _orders(path, HEADER.replace("quantity", "quantiti"))


def test_reading_goes_on_at_a_byte(path: Path) -> None:
    rows = [HEADER, *[GOOD.format(order=n, amount=n) for n in range(1, 6)]]
    read = _orders(path, "\n".join(rows))

    again = lines.read_lines(path, encoding="utf-8", start=read[1].next_byte, number=read[1].rows[-1] + 1)

    assert [line.number for line in again] == [4, 5, 6]

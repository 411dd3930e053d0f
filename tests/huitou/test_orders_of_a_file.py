import codecs
import io
import sys
from pathlib import Path

import pytest

from huitou.exits import Exit, Refused
from huitou.imports import checkpoint, importing
from huitou.imports.checkpoint import Checkpoint
from huitou.imports.content import opened
from huitou.imports.purchases import PURCHASES
from shared.files.entries import Entry
from shared.files.rows import ROW_BYTES_MAX, Row, read_rows
from shared.files.staging import staged
from shared.limits import LINES_MAX
from tests.huitou.order_files import GOOD, HEADER, dry_run, orders


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

    first, second = orders(path, "\n".join(rows))

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

    read = orders(path, "\r\n".join(rows))

    assert [order.rows for order in read] == [[2], [3, 4, 5], [6]]
    assert [error.code for error in read[1].errors] == [code]
    assert [error.row for error in read[1].errors] == [4]
    assert not read[0].errors
    assert not read[2].errors


def test_a_broken_row_that_names_the_next_order_spoils_that_one(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), "2,ann", GOOD.format(order=2, amount=9)]

    read = orders(path, "\n".join(rows))

    assert [(order.rows, bool(order.errors)) for order in read] == [([2], False), ([3, 4], True)]


def test_a_broken_row_between_two_orders_stands_alone(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), "???", GOOD.format(order=2, amount=9)]

    read = orders(path, "\n".join(rows))

    assert [(order.rows, bool(order.errors)) for order in read] == [([2], False), ([3], True), ([4], False)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_is_read_in_the_encodings_that_shops_export(path: Path, encoding: str) -> None:
    text = f"{HEADER}\n{GOOD.format(order=1, amount=5).replace('music', '音乐')}\n"

    (order,) = orders(path, text.encode(encoding))

    assert order.body["lines"][0]["category"] == "音乐"


def test_a_byte_that_is_no_text_spoils_its_row_only(path: Path) -> None:
    rows = [HEADER, GOOD.format(order="é1", amount=5), "X", GOOD.format(order="é2", amount=5)]

    read = orders(path, "\n".join(rows).encode().replace(b"X", b"2,\xff\xff\xff"))

    assert [[error.code for error in order.errors] for order in read] == [[], ["bad_encoding"], []]


def test_an_endless_row_is_read_past(path: Path) -> None:
    rows = [
        HEADER,
        GOOD.format(order=1, amount=5),
        "x" * (ROW_BYTES_MAX * 3),
        GOOD.format(order=2, amount=5),
    ]

    read = orders(path, "\n".join(rows))

    assert [[error.code for error in order.errors] for order in read] == [[], ["row_too_long"], []]


def test_an_order_that_never_ends_is_refused(path: Path) -> None:
    rows = [
        HEADER,
        *[GOOD.format(order=1, amount=5)] * (LINES_MAX + 50),
        GOOD.format(order=2, amount=5),
    ]

    endless, other = orders(path, "\n".join(rows))

    assert [error.code for error in endless.errors] == ["too_many_lines"]
    assert not other.errors


def test_a_missing_or_misspelt_column_is_named(path: Path) -> None:
    with pytest.raises(
        Refused, match=r"lacks quantity.*'quantiti' is not a column; did you mean 'quantity'\?"
    ):
        orders(path, HEADER.replace("quantity", "quantiti"))


def test_rows_of_one_order_that_are_not_adjacent_are_the_order_whole(path: Path) -> None:
    rows = [
        HEADER,
        GOOD.format(order=1, amount=5),
        GOOD.format(order=2, amount=9),
        GOOD.format(order=1, amount=7),
    ]

    first, second = orders(path, "\n".join(rows))

    assert [line["amount_minor"] for line in first.body["lines"]] == [5, 7]
    assert (first.rows, second.rows) == ([2, 4], [3])


def test_an_error_far_from_the_first_row_of_its_order_spoils_the_order_whole(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5)]
    rows += [GOOD.format(order=order, amount=9) for order in range(2, 1_500)]
    rows += [GOOD.format(order=1, amount=-7)]

    report = dry_run(path, "\n".join(rows))

    assert (report.orders, report.refused) == (1_499, 1)
    assert [(error.row, error.column, error.code) for error in report.errors] == [
        (1_501, "amount_minor", "too_small")
    ]


def test_an_order_that_the_file_has_twice_is_counted_apart_and_once_an_order(path: Path) -> None:
    twice = [GOOD.format(order=1, amount=5), GOOD.format(order=1, amount=7)]
    text = "\n".join([HEADER, *twice, GOOD.format(order=2, amount=9), *twice])

    report = dry_run(path, text)

    assert (report.rows, report.orders, report.repeated, report.repeated_in_file, report.refused) == (
        5,
        3,
        1,
        1,
        0,
    )
    assert [len(order.body["lines"]) for order in orders(path, text)] == [2, 1]


def test_a_row_that_may_be_a_repetition_or_a_second_line_is_refused_with_its_order(path: Path) -> None:
    first, second = GOOD.format(order=1, amount=5), GOOD.format(order=1, amount=7)
    rows = [HEADER, first, second, GOOD.format(order=2, amount=9), first]

    order, other = orders(path, "\n".join(rows))

    assert [(error.row, error.code) for error in order.errors] == [(5, "lines_repeated")]
    assert not other.errors


def test_identical_rows_side_by_side_are_two_lines(path: Path) -> None:
    (order,) = orders(path, "\n".join([HEADER, *[GOOD.format(order=1, amount=5)] * 2]))

    assert len(order.body["lines"]) == 2
    assert not order.errors


def test_a_line_break_in_quotes_is_part_of_its_cell(path: Path) -> None:
    rows = [
        HEADER,
        GOOD.format(order=1, amount=5).replace("cd", '"a\r\nb ""c"", d"'),
        GOOD.format(order=2, amount=9),
    ]

    first, second = orders(path, "\r\n".join(rows))

    assert not second.errors
    assert second.rows == [4]
    assert [error.code for error in first.errors] == ["wrong_shape"], (
        "the cell was read, and no SKU has a line break"
    )


def test_a_quote_that_is_not_closed_spoils_its_order_and_no_other(path: Path) -> None:
    rows = [HEADER, *[GOOD.format(order=order, amount=5) for order in range(1, 900)]]
    rows[3] = rows[3].replace("ann", '"ann')
    rows[500] = rows[500].replace("cd", '"cd"')

    read = orders(path, "\n".join(rows))

    assert len(read) == 899
    assert [(order.rows, [error.code for error in order.errors]) for order in read if order.errors] == [
        ([4], ["bad_csv"])
    ]


def test_an_order_of_too_many_lines_is_told_the_limit(path: Path) -> None:
    (order,) = orders(path, "\n".join([HEADER, *[GOOD.format(order=1, amount=5)] * 1_114]))

    assert "1114 rows" in order.errors[0].en
    assert str(LINES_MAX) in order.errors[0].en
    assert str(LINES_MAX) in order.errors[0].zh


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_separators_and_encodings_are_recognised(path: Path, separator: str, encoding: str) -> None:
    text = f"{HEADER}\n{GOOD.format(order=1, amount=5).replace('music', '音乐')}\n".replace(",", separator)

    (order,) = orders(path, text.encode(encoding))

    assert order.body["lines"] == [{"sku": "cd", "quantity": 1, "amount_minor": 5, "category": "音乐"}]


def test_the_line_in_which_a_spreadsheet_names_its_separator_is_no_row(path: Path) -> None:
    text = f"sep=;\r\n{HEADER}\r\n{GOOD.format(order=1, amount=5)}".replace(",", ";")

    (order,) = orders(path, text)

    assert order.rows == [3]
    assert not order.errors


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml", "XLSX.*CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "XLS workbook.*CSV UTF-8"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b'{"items": []}', "JSON"),
        (b"\x00\x01\x02\x03\x04\x00\x00", "binary"),
        (codecs.BOM_UTF32_LE + "order_id".encode("utf-32-le"), "UTF-32"),
        (b"", "empty"),
        (b"order_id,customer\r1,ann\r2,bob\r", "CR alone"),
    ],
)
def test_what_is_no_csv_is_refused_with_what_to_do(path: Path, head: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        orders(path, head)

    assert refused.value.code == Exit.USAGE
    assert len(str(refused.value)) < 250


def test_standard_input_is_a_file_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join([HEADER, GOOD.format(order=1, amount=5)])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    with opened("-", PURCHASES.columns) as content:
        rows = list(read_rows(content))

    assert [row.number for row in rows] == [1, 2]


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [
        ("USD", "36.00", 3600), ("USD", "36", 3600), ("USD", "0.1", 10), ("USD", "36.500", 3650), ("JPY", "36", 36),
        ("JPY", "36.0", 36), ("KWD", "36.125", 36125), ("USD", "90071992547409.93", 9007199254740993),
    ],
)  # fmt: skip
def test_amounts_in_major_units_are_exact(path: Path, currency: str, amount: str, minor: int) -> None:
    row = GOOD.format(order=1, amount=amount).replace("USD", currency)

    (order,) = orders(path, f"{HEADER.replace('amount_minor', 'amount')}\n{row}")

    if not order.errors:
        assert order.body["lines"][0]["amount_minor"] == minor
    else:
        assert [(error.column, error.code) for error in order.errors] == [("amount", "too_large")]


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("USD", "36.005"), ("JPY", "36.5"), ("USD", "36,00"), ("USD", "1e3"), ("USD", "٣"), ("USD", ""), ("USD", ".5"), ("USD", "NaN")],
)  # fmt: skip
def test_an_amount_that_is_not_exact_is_refused(path: Path, currency: str, amount: str) -> None:
    row = GOOD.format(order=1, amount=f'"{amount}"').replace("USD", currency)

    (order,) = orders(path, f"{HEADER.replace('amount_minor', 'amount')}\n{row}")

    assert [(error.row, error.column, error.code) for error in order.errors] == [
        (2, "amount", "amount_not_exact")
    ]


def test_a_file_has_one_kind_of_amounts(path: Path) -> None:
    with pytest.raises(Refused, match="one of amount_minor and amount"):
        orders(path, f"{HEADER},amount\n")


def test_a_category_is_optional(path: Path) -> None:
    (order,) = orders(
        path, f"{HEADER}\n{GOOD.format(order=1, amount=5)}".replace("category,", "").replace("music,", "")
    )

    assert not order.errors
    assert order.body["lines"] == [{"sku": "cd", "quantity": 1, "amount_minor": 5}]


def test_rows_of_empty_cells_are_no_rows(path: Path) -> None:
    (order,) = orders(path, f"{HEADER}\n{GOOD.format(order=1, amount=5)}\n,,,,,,,\n\n")

    assert not order.errors


def test_another_content_has_another_checkpoint(path: Path) -> None:
    def place(amount: int) -> Path:
        rows = [GOOD.format(order=order, amount=100) for order in range(30_000)]
        rows[-2] = GOOD.format(order=1, amount=amount)
        path.write_text("\n".join([HEADER, *rows]))
        with opened(str(path), PURCHASES.columns) as content:
            return checkpoint.path_of(path.parent, content.digest, "till")

    assert place(700) != place(777)
    assert path.stat().st_size > 1024 * 1024
    assert place(700) == place(700)


def test_a_checkpoint_with_too_many_refusals_is_not_written(path: Path) -> None:
    checkpoint.write(path, Checkpoint(done=5, refused=[2]))
    checkpoint.write(path, Checkpoint(done=9_999, refused=list(range(checkpoint.REFUSED_MAX + 1))))

    assert checkpoint.read(path) == Checkpoint(done=5, refused=[2])


def test_batches_stay_within_the_limits_of_a_request() -> None:
    entries = [Entry(position, {}, [0] * 900) for position in range(5)] + [Entry(9, {}, [0])] * 900

    sizes = [
        (len(batch), sum(len(entry.rows) for entry in batch)) for batch in importing.batched(iter(entries))
    ]

    assert sizes == [(2, 1800), (2, 1800), (500, 1399), (401, 401)]


def _key(cells: list[str]) -> str | None:
    return cells[0]


def test_an_endless_group_is_read_up_to_its_limit() -> None:
    rows = (Row(number, ["a", str(number)]) for number in range(2, 5_002))

    with staged(rows, _key) as groups:
        (group,) = groups.read([1], rows_max=10)

    assert (group.rows_count, len(group.rows)) == (5_000, 10)

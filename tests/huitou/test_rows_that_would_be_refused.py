"""The import refuses by itself what the product would refuse, with its row, and spoils nothing else."""

from pathlib import Path

import pytest

from huitou.imports.purchases import ANONYMOUS_TOO
from shared.limits import CUSTOMER_AMOUNT_MAX, LARGE_ORDER_AMOUNT, LINE_AMOUNT_MAX, ORDER_AMOUNT_MAX
from tests.huitou.order_files import GOOD, HEADER, dry_run, dry_run_of, orders


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "purchases.csv"


@pytest.mark.parametrize("spelling", ["Ｃｄ ", "\u200bCd"])
def test_a_repetition_is_known_in_every_spelling(path: Path, spelling: str) -> None:
    first = GOOD.format(order="O1", amount=5).replace("cd", "Cd")
    again = GOOD.format(order="Ｏ１ ", amount=" 5").replace("cd", spelling)

    order, other = orders(path, "\n".join([HEADER, first, GOOD.format(order=2, amount=9), again]))

    assert [(error.row, error.code) for error in order.errors] == [(4, "lines_repeated")]
    assert not other.errors


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("a\0b", "nul_character"),
        ("a\x01b", "external_id_invalid"),
        ("\u200b", "external_id_invalid"),
        ("a\ufffe", "external_id_invalid"),
        ("a" * 129, "too_long"),
    ],
)
def test_a_customer_that_the_product_would_refuse_is_refused_with_its_row(
    path: Path, cell: str, code: str
) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), GOOD.format(order=2, amount=5).replace("ann", cell)]

    good, refused = orders(path, "\n".join(rows))

    assert not good.errors
    assert [(error.row, error.column, error.code) for error in refused.errors] == [(3, "customer", code)]


def test_a_cell_with_nul_spoils_its_order_only_also_where_it_is_no_customer(path: Path) -> None:
    rows = [HEADER, GOOD.format(order=1, amount=5), GOOD.format(order=2, amount=5).replace("cd", "c\0d")]

    good, refused = orders(path, "\n".join(rows))

    assert not good.errors
    assert [(error.row, error.column) for error in refused.errors] == [(3, "sku")]


def test_a_row_in_another_encoding_does_not_turn_the_others_into_other_letters(path: Path) -> None:
    chinese = GOOD.format(order=1, amount=5).replace("ann", "王李").encode()
    german = GOOD.format(order=2, amount=5).replace("ann", "Müller").encode("cp1252")

    first, second = orders(path, b"\n".join([HEADER.encode(), chinese, german]))

    assert first.body["customer"] == {"external_id": "王李"}
    assert [(error.row, error.code) for error in second.errors] == [(3, "bad_encoding")]


def _largest(order: str, customer: str = "ann") -> list[str]:
    """The rows of the largest order."""
    row = GOOD.format(order=order, amount=LINE_AMOUNT_MAX).replace("ann", customer)
    return [row] * (ORDER_AMOUNT_MAX // LINE_AMOUNT_MAX)


def test_orders_with_which_a_customer_would_have_too_much_are_refused_and_leave_nothing(path: Path) -> None:
    places = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    small, large = GOOD.format(order="s", amount=7), LARGE_ORDER_AMOUNT
    rows = [
        row for number in range(places - 1) for row in _largest(f"{number}", "Ａnn " if number % 2 else "Ann")
    ]
    rows += [small.replace("ann", "Ann"), *_largest("over", "Ann"), *_largest("of another", "Bo")]
    rows += [
        GOOD.format(order=f"x{number}", amount=amount).replace("ann", "Ann")
        for number, amount in enumerate([LINE_AMOUNT_MAX - 7, large, 100])
    ]

    report = dry_run(path, "\n".join([HEADER, *rows]))

    over = rows.index(_largest("over", "Ann")[0]) + 2
    assert [(error.row, error.column, error.code) for error in report.errors] == [
        (over, "lines", "customer_total_too_large")
    ]
    assert (
        f"{CUSTOMER_AMOUNT_MAX:,}" in report.errors[0].en or str(CUSTOMER_AMOUNT_MAX) in report.errors[0].en
    )
    assert report.refused == 1


def test_orders_without_a_customer_are_nobodys_sum(path: Path) -> None:
    places = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    rows = [row for number in range(places + 1) for row in _largest(f"{number}")]

    assert dry_run(path, "\n".join([HEADER, *rows])).refused == 1
    path.write_text("\n".join([HEADER, *rows]).replace("ann", ""))
    report = dry_run_of(path, ANONYMOUS_TOO)
    assert (report.refused, report.anonymous) == (0, places + 1)

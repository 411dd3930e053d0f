"""The import refuses by itself what the product would refuse, with its row, and spoils nothing else."""

from pathlib import Path

import pytest

from tests.huitou.order_files import GOOD, HEADER, orders


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

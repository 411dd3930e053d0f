"""CSV for spreadsheets: what is written can be read back, and no text becomes a formula."""

import csv
import io

import pytest

from shared import csv_text


@pytest.mark.parametrize("text", ["=1+1", "+8613800138000", "-2", "@sum", "\tx", "\rx", "\nx"])
def test_a_text_that_begins_like_a_formula_is_guarded(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_text.rows_of([[text, "plain"]]), newline=""))
    assert row == [f"'{text}", "plain"]


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert csv_text.rows_of([[-5, None, 'a "b", c', "茶"]]) == '-5,,"a ""b"", c",茶\r\n'

"""The refusal of one cell says how to write it."""

import pytest

from shared.files.entries import NotReadable, integer


@pytest.mark.parametrize(("column", "names_the_other"), [("amount_minor", True), ("quantity", False)])
def test_an_amount_with_decimals_among_minor_units_is_told_the_other_column(
    column: str, names_the_other: bool
) -> None:
    with pytest.raises(NotReadable) as refused:
        integer(6, column, "36.00")

    error = refused.value.error
    assert (error.row, error.column, error.code) == (6, column, "not_an_integer")
    assert ("`amount`" in error.en, "`amount`" in error.zh) == (names_the_other, names_the_other)

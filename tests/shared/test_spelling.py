"""Ids and codes of the merchant's have one spelling, and doing it again changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.spelling import spelled


@pytest.mark.parametrize(
    "written",
    [
        "O",
        "O ",
        " O",
        "O\u3000",
        "\uff2f",
        "O\u200b",
        "\u200e\u202aO\u202c",
        "\ufeffO",
        "O\u00ad",
        "\tO\n",
        "O\u2060",
    ],
)
def test_equal_ids_have_one_spelling(written: str) -> None:
    assert spelled(written) == "O"


@pytest.mark.parametrize(
    "written", ["", " ", "\u3000", "\u200b", "\u200b \u200d", "\ufeff", "\u202e\u2066", "\u00ad"]
)
def test_nothing_is_left_of_a_text_that_nobody_sees(written: str) -> None:
    assert spelled(written) == ""


@pytest.mark.parametrize(("first", "second"), [("O", "o"), ("A 1", "A1"), ("O-1", "O1"), ("é", "e")])
def test_what_may_tell_two_ids_apart_is_kept(first: str, second: str) -> None:
    assert spelled(first) != spelled(second)


@given(st.text(max_size=30))
def test_spelling_again_changes_nothing(written: str) -> None:
    once = spelled(written)
    assert spelled(once) == once
    assert spelled(f" {once}\u200b") == once

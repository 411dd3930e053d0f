"""Ids and codes of the merchant's have one spelling, and doing it again changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.spelling import SPELLED_CHARACTERS_MAX, addresses_a_person, spelled


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
        "O\ufe0f",
        "\u034fO",
        "O\u3164",
        "O\uffa0",
        "\u115f\u1160O",
        "O\u17b4\u180b",
        "O\U000e0100",
        "\u2800O\u2800",
    ],
)
def test_equal_ids_have_one_spelling(written: str) -> None:
    assert spelled(written) == "O"


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "\u3000",
        "\u200b",
        "\u200b \u200d",
        "\ufeff",
        "\u202e\u2066",
        "\u00ad",
        "\u2800",
        "\u3164",
        "\u034f\ufe0f",
    ],
)
def test_nothing_is_left_of_a_text_that_nobody_sees(written: str) -> None:
    assert spelled(written) == ""


@pytest.mark.parametrize(("first", "second"), [("O", "o"), ("A 1", "A1"), ("O-1", "O1"), ("é", "e")])
def test_what_may_tell_two_ids_apart_is_kept(first: str, second: str) -> None:
    assert spelled(first) != spelled(second)


@pytest.mark.parametrize(
    "letters", ["a" + "\u0300\u0316" * 100_000, "\ufdfa" * 200_000], ids=["marks", "ligature"]
)
def test_what_is_far_longer_than_an_id_is_not_brought_into_nfkc(letters: str) -> None:
    """Minutes would pass with the marks, and 3.6 million characters would come of the ligature."""
    once = spelled(f"\u200b {letters} ")

    assert once == letters
    assert spelled(once) == once


@given(
    st.text(
        alphabet="\ufdfaa\u200b \u0300\u0316",
        min_size=SPELLED_CHARACTERS_MAX - 5,
        max_size=SPELLED_CHARACTERS_MAX + 5,
    )
)
def test_spelling_a_long_text_again_changes_nothing_either(written: str) -> None:
    once = spelled(written)
    assert spelled(f" {once}\u200b") == once


@given(st.text(max_size=30))
def test_spelling_again_changes_nothing(written: str) -> None:
    once = spelled(written)
    assert spelled(once) == once
    assert spelled(f" {once}\u200b") == once


@pytest.mark.parametrize(
    "written",
    [
        "ana@example.com",
        "to ana@example.com!",
        "王@例子.中国",
        "+8613800138000",
        "+86 138 0013 8000",
        "tel:+49 (30) 1234-5678",
        "+86_13912345678",
        "x+8613912345678",
        "order_+8613912345678",
        "1+86/139/1234/5678",
        "+8613912345678x",
        "+ 86 139 1234 5678",
        "+(86)13912345678",
        "＋86—139—1234—5678",
        "O-1+1 (415) 555-0123",
    ],
)
def test_an_address_of_a_person_is_no_id(written: str) -> None:
    assert addresses_a_person(spelled(written))


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "2026-03-01T09:30:00+08:00",
        "A+12345678",
        "2026-03-01T09:30:00+0800-1234567890",
        "2026-03-01T09:30:00+08:00/1234567890",
        "till@2",
        "@home",
        "1+1",
        "+1234567",
        "10006.1@x",
        "O-1",
    ],
)
def test_what_systems_number_their_orders_by_is_an_id(written: str) -> None:
    assert not addresses_a_person(spelled(written))

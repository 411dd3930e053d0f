"""The names of numbers: each leads back to its number, and nobody reads or makes one without the key."""

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import is_id
from shared.vault import Vault

VAULT = Vault("loyalty", {1: b"1" * 32}, b"r" * 32)
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)


@given(NUMBERS)
def test_a_name_leads_back_to_its_number(number: int) -> None:
    name = VAULT.numbers.name("red", number)
    assert is_id("red", name)
    assert VAULT.numbers.number("red", name) == number
    long = VAULT.numbers.name("txn_purchase", number)
    assert VAULT.numbers.number("txn_purchase", long) == number


@given(NUMBERS)
def test_a_name_is_of_one_prefix_one_service_and_one_installation(number: int) -> None:
    name = VAULT.numbers.name("red", number)
    assert VAULT.numbers.number("adj", name.replace("red_", "adj_")) is None
    for stranger in (
        Vault("feedback", {1: b"1" * 32}, b"r" * 32),
        Vault("loyalty", {1: b"1" * 32}, b"s" * 32),
    ):
        assert stranger.numbers.number("red", name) is None


@given(NUMBERS)
def test_a_name_outlives_the_generations_of_the_installations_key(number: int) -> None:
    later = Vault("loyalty", {2: b"2" * 32}, b"r" * 32)
    assert later.numbers.name("red", number) == VAULT.numbers.name("red", number)


def test_names_are_in_no_order_of_their_numbers() -> None:
    names = [VAULT.numbers.name("red", number) for number in range(1, 200)]
    assert len(set(names)) == len(names)
    assert names not in (sorted(names), sorted(names, reverse=True))
    assert len({name[: len("red_") + 2] for name in names}) > 50


def test_a_name_that_was_made_up_is_none() -> None:
    for name in (
        "red_",
        "red_1281",
        "red_none",
        "adj_1",
        VAULT.numbers.name("red", 5)[:-1] + "!",
        "red_" + "0" * 26,
    ):
        assert VAULT.numbers.number("red", name) is None

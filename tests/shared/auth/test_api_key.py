"""The text of an API key: random, recognisable, and with a checksum that tells a mistyped key."""

import math
import random
import re

import pytest

from shared.auth import api_key
from shared.auth.api_key import digest, is_well_formed, new_key

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SAMPLE = 200


def test_a_new_key_has_the_published_pattern_and_is_well_formed() -> None:
    keys = {new_key() for _ in range(SAMPLE)}

    assert len(keys) == SAMPLE
    for key in keys:
        assert re.fullmatch(api_key.PATTERN, key)
        assert is_well_formed(key)


def test_a_key_has_at_least_160_random_bits() -> None:
    assert api_key.RANDOM_CHARACTERS * math.log2(len(LETTERS)) >= 160


def test_every_changed_character_and_every_swap_of_neighbours_is_told(seeded: random.Random) -> None:
    key = new_key()
    for at in range(len(api_key.PREFIX), len(key)):
        other = seeded.choice(LETTERS.replace(key[at], ""))
        assert not is_well_formed(key[:at] + other + key[at + 1 :]), at
        swapped = key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :]
        assert swapped == key or not is_well_formed(swapped), at


@pytest.mark.parametrize("damage", ["{}x", "{} ", "x{}", "{}\n", "", "huk_live_", "huk_live_{}"])
def test_a_key_that_is_longer_or_shorter_is_told(damage: str) -> None:
    assert not is_well_formed(damage.format(new_key()))


def test_a_checksum_that_was_published_stays_the_same() -> None:
    assert api_key.EXAMPLE == "huk_live_0000000000000000000000000000000025XXzS"
    assert is_well_formed("huk_live_0000000000000000000000000000000025XXzS")
    assert not is_well_formed("huk_live_000000000000000000000000000000003fYQqO")


def test_a_digest_that_was_stored_stays_the_same() -> None:
    assert digest(api_key.EXAMPLE).hex() == "ff91e5d41d40daf17c4f270a90770af89edb3d66fc85f71e28485e48697dab2e"

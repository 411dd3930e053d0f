"""Codes: every wrong symbol and every two symbols that change places are found, and a batch makes the same codes again (T17)."""

from __future__ import annotations

from itertools import combinations
from random import Random

from services.loyalty.coupons.domain import codes
from services.loyalty.coupons.domain.codes import ALPHABET, CODE_SYMBOLS, SYMBOLS
from tests.conftest import SEED
from tests.parts.sampling import limit

SECRET = bytes(range(32))
SAMPLES = limit(20, 500)


def test_every_wrong_symbol_and_every_transposition_is_found() -> None:
    random = Random(SEED)
    for _ in range(SAMPLES):
        code = codes.code_of(random.randbytes(32), random.randrange(1, 10**6))
        assert codes.may_exist(code)
        for place in range(CODE_SYMBOLS):
            for symbol in set(ALPHABET) - {code[place]}:
                assert not codes.may_exist(code[:place] + symbol + code[place + 1 :])
        for first, second in combinations(range(CODE_SYMBOLS), 2):
            if code[first] != code[second]:
                symbols = list(code)
                symbols[first], symbols[second] = symbols[second], symbols[first]
                assert not codes.may_exist("".join(symbols))


def test_a_batch_makes_the_same_codes_again_and_no_code_twice() -> None:
    made = [codes.code_of(SECRET, serial) for serial in range(1, 2_001)]
    assert made == [codes.code_of(SECRET, serial) for serial in range(1, 2_001)]
    assert len(set(made)) == 2_000
    assert all(code == codes.with_check(code[:SYMBOLS]) for code in made)
    assert codes.code_of(bytes(32), 1) != made[0]


def test_codes_are_read_as_people_type_them() -> None:
    assert codes.spelled("spring-lo il") == "SPR1NG1011"
    code = codes.code_of(SECRET, 7)
    assert codes.spelled(codes.shown(code).lower()) == code


def test_what_cannot_be_a_code_is_known_without_a_look_up() -> None:
    assert not any(codes.may_exist(text) for text in ("", "AB", "A" * 33, "ÄÖÜ", "A_B", "SPRING!"))
    assert codes.may_exist("SPR1NG10")

"""Codes: how they are spelled, how a wrong symbol is found without looking anything up, and how a batch makes its codes.

A unique code has 12 symbols of 5 bits, 60 bits together, and a check symbol. The check is a sum over the field of 32 elements in which each place has a
weight of its own. So one wrong symbol is always found, and so are two symbols that change places.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The symbols of codes: no I, L, O and U, which are read as other symbols or make words."""
SYMBOL_BITS = 5
SYMBOLS = 12
"""The symbols of a unique code before its check symbol."""
CODE_SYMBOLS = SYMBOLS + 1
TEXT_MIN, TEXT_MAX = 3, 32
"""Characters of a generic code in its only spelling."""
TYPED_MAX = 64
"""Characters that somebody may type for a code."""
SECRET_BYTES = 32
_MODULUS = 0b100101  # x^5 + x^2 + 1
_SPELLING = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
_VALUE = {symbol: value for value, symbol in enumerate(ALPHABET)}


def _times(first: int, second: int) -> int:
    """Return the product of two elements of the field."""
    product = 0
    for bit in range(SYMBOL_BITS):
        if second >> bit & 1:
            product ^= first << bit
    for bit in range(2 * SYMBOL_BITS - 2, SYMBOL_BITS - 1, -1):
        if product >> bit & 1:
            product ^= _MODULUS << (bit - SYMBOL_BITS)
    return product


def _weights() -> list[int]:
    """Return the weights of the symbols: different powers of a generator, none of which is 1, the weight of the check symbol."""
    weights = [2]
    while len(weights) < SYMBOLS:
        weights.append(_times(weights[-1], 2))
    return weights


class _Pair(NamedTuple):
    """Two symbols next to each other, and what they add to the check."""

    text: str
    check: int


_PAIR_BITS = 2 * SYMBOL_BITS


def _pairs() -> list[list[_Pair]]:
    """Return all pairs of symbols for each of the places that they can have in a code."""
    weights = _weights()
    return [
        [
            _Pair(
                ALPHABET[value >> SYMBOL_BITS] + ALPHABET[value & (1 << SYMBOL_BITS) - 1],
                _times(value >> SYMBOL_BITS, weights[place])
                ^ _times(value & (1 << SYMBOL_BITS) - 1, weights[place + 1]),
            )
            for value in range(1 << _PAIR_BITS)
        ]
        for place in range(0, SYMBOLS, 2)
    ]


_PAIRS = _pairs()


def spelled(typed: str) -> str:
    """Return a code in its only spelling: large letters without blanks and hyphens; O is 0, and I and L are 1."""
    return typed.upper().translate(_SPELLING)


def is_shaped(text: str) -> bool:
    """Return whether a text in its only spelling has the form of a unique code, whatever its check symbol is."""
    return len(text) == CODE_SYMBOLS and all(symbol in _VALUE for symbol in text)


def may_exist(text: str) -> bool:
    """Return whether a code with this spelling can exist. Texts that cannot are refused without a look-up."""
    if is_shaped(text):
        return text == with_check(text[:SYMBOLS])
    return TEXT_MIN <= len(text) <= TEXT_MAX and text.isascii() and text.isalnum()


def with_check(symbols: str) -> str:
    """Return the symbols of a code with their check symbol."""
    check = 0
    for place in range(0, SYMBOLS, 2):
        value = _VALUE[symbols[place]] << SYMBOL_BITS | _VALUE[symbols[place + 1]]
        check ^= _PAIRS[place // 2][value].check
    return symbols + ALPHABET[check]


def code_of(secret: bytes, serial: int) -> str:
    """Return a code of a batch in its only spelling. The same secret and serial always make the same code."""
    digest = blake2b(serial.to_bytes(8, "big"), key=secret, digest_size=8).digest()
    number, check, text = int.from_bytes(digest, "big") >> 4, 0, ""
    for place in range(SYMBOLS // 2 - 1, -1, -1):
        pair = _PAIRS[place][number & (1 << _PAIR_BITS) - 1]
        text, check, number = pair.text + text, check ^ pair.check, number >> _PAIR_BITS
    return text + ALPHABET[check]


def shown(text: str) -> str:
    """Return a unique code as people read it, such as 7K3M-9XQ2-4TBWA."""
    return f"{text[:4]}-{text[4:8]}-{text[8:]}"

"""The hash of a quote, which tells one quote from another, and in what they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b

QUOTE_TIME = timedelta(minutes=15)
"""The time for which a quote is good, unless other rules come into force before."""
PART_BYTES = 8


class QuotePart(StrEnum):
    """The parts of a quote, in the order in which its hash holds their digests.

    `cart`: the member, the currency, the lines, the shipping and where the order comes from. `rules`: the version of the rules. `discounts`: what
    each promotion takes off each line and off the shipping. `earned`: the
    member's tier and the points that each rule grants. `payment`: the points that pay, and what they are worth.
    """

    CART = "cart"
    RULES = "rules"
    DISCOUNTS = "discounts"
    EARNED = "earned"
    PAYMENT = "payment"


HASH_CHARACTERS = 2 * PART_BYTES * len(QuotePart)


def hash_of(contents: Mapping[QuotePart, object]) -> str:
    """Return the hash of a quote with these contents, which can be written as JSON. It has a digest for each part."""
    return "".join(_digest(contents[part]) for part in QuotePart)


def differing(earlier: str, later: str) -> list[QuotePart]:
    """Return the parts in which the quotes with these hashes differ."""
    size = 2 * PART_BYTES
    begins = range(0, HASH_CHARACTERS, size)
    return [
        part
        for part, begin in zip(QuotePart, begins, strict=True)
        if earlier[begin : begin + size] != later[begin : begin + size]
    ]


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=PART_BYTES).hexdigest()

"""Ids: a prefix and 26 characters of Crockford base32 of a uuid7, so that text sorts by time of making."""

import re
from uuid import UUID

import uuid_utils

ID_CHARACTERS = 26
PREFIX_CHARACTERS_MAX = 8

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHAPE = re.compile(r"([a-z]{2,8})_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}")


def new_id(prefix: str) -> str:
    """A new id such as `cus_01hv…`: unique, and later ids of one process sort after earlier ones."""
    return f"{prefix}_{_base32(uuid_utils.uuid7().int)}"


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the shape of an id with this prefix."""
    match = _SHAPE.fullmatch(text)
    return match is not None and match.group(1) == prefix


def new_event_id() -> UUID:
    """A new event id: a time-ordered uuid (version 7)."""
    return UUID(int=uuid_utils.uuid7().int)


def _base32(number: int) -> str:
    """130 bits as 26 characters, most significant first; a uuid's 128 bits leave the first two at zero."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])

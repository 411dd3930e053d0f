"""Ids: a prefix and a uuid7 as 26 characters of Crockford base32, so that ids sort by the time of their creation."""

import re
from uuid import UUID

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SPELLED = "[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}"
_SHAPE = re.compile(rf"([a-z]{{2,8}})_{_SPELLED}")
_NUMBER = re.compile(_SPELLED)


def new_id(prefix: str) -> str:
    """Return a new unique id such as `cus_01hv…`. Later ids of one process sort after earlier ones."""
    return f"{prefix}_{_base32(uuid_utils.uuid7().int)}"


def is_id(prefix: str, text: str) -> bool:
    """Return whether `text` has the shape of an id with this prefix."""
    match = _SHAPE.fullmatch(text)
    return match is not None and match.group(1) == prefix


def spelled_number(prefix: str, number: int) -> str:
    """Return the id of a number of 128 bits."""
    return f"{prefix}_{_base32(number)}"


def number_in(prefix: str, text: str) -> int | None:
    """Return the number of 128 bits that an id spells, or None if it is no id with this prefix."""
    spelled = text.removeprefix(f"{prefix}_")
    if spelled == text or not _NUMBER.fullmatch(spelled):
        return None
    number = 0
    for character in spelled:
        number = number * 32 + _ALPHABET.index(character)
    return number


def new_event_id() -> UUID:
    """Return a new event id: a uuid of version 7, which is ordered by time."""
    return UUID(int=uuid_utils.uuid7().int)


def _base32(number: int) -> str:
    """Write 130 bits as 26 characters, the most significant first. A uuid has 128 bits, so the first two bits are zero."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])

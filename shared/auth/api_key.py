"""The text of an API key: a prefix, random characters, and a checksum of both.

    huk_live_ 3mZ…(32 characters) Q7f0aB

The prefix lets scanners of source code find a key that was published (`huk_live_[0-9A-Za-z]{38}`). The checksum, a CRC-32 as six
characters, tells a mistyped key from a key that is not known, without a look into the register. It protects nothing.
"""

import re
import secrets
from hashlib import sha256
from zlib import crc32

PREFIX = "huk_live_"
RANDOM_CHARACTERS = 32
"""Random characters of a key. Each has 5.95 bits, so that a key has 190."""
CHECKSUM_CHARACTERS = 6
"""Characters of the checksum, which hold 32 bits."""
EXAMPLE = "huk_live_0000000000000000000000000000000025XXzS"
"""The key that the documents show. Its checksum is right, so that a partner can try a checksum of its own with it."""
PATTERN = rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}}"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(PATTERN, re.ASCII)


def new_key() -> str:
    """Return a new key."""
    text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return text + _checksum(text)


def claims_to_be_key(credential: str) -> bool:
    """Return whether a credential is meant as an API key, and not as a JWT, which begins with another letter."""
    return credential.startswith(PREFIX)


def is_well_formed(text: str) -> bool:
    """Return whether a text has the form of a key, and the checksum of its other characters."""
    if _SHAPE.fullmatch(text) is None:
        return False
    return text[-CHECKSUM_CHARACTERS:] == _checksum(text[:-CHECKSUM_CHARACTERS])


def digest(key: str) -> bytes:
    """Return the SHA-256 of a key, by which it is stored. A key is random, so a faster digest than for passwords is enough."""
    return sha256(key.encode()).digest()


def _checksum(text: str) -> str:
    number, characters = crc32(text.encode()), ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, rest = divmod(number, len(_ALPHABET))
        characters = _ALPHABET[rest] + characters
    return characters

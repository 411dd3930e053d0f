"""Names for the numbers of rows. From a name nobody but the service learns the number, and so nobody counts its rows.

A name is one block of AES: 8 bytes that belong to the prefix, and the 8 bytes of the number. The same number always has the
same name, two numbers never have one, and a name that was made up has another beginning than its prefix wants.
"""

from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from shared.ids import number_in, spelled_number

_HALF = 8


class Numbers:
    """The names of the numbers of one service."""

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(AES(key), ECB())  # noqa: S305 each message is one block, so no two blocks are chained
        self._encryptor, self._decryptor = cipher.encryptor(), cipher.decryptor()

    def name(self, prefix: str, number: int) -> str:
        """Return the name of a number, such as `red_4q…` with 26 characters behind the prefix."""
        block = self._encryptor.update(_beginning(prefix) + number.to_bytes(_HALF))
        return spelled_number(prefix, int.from_bytes(block))

    def number(self, prefix: str, name: str) -> int | None:
        """Return the number that a name stands for, or None if it is no name with this prefix."""
        spelled = number_in(prefix, name)
        if spelled is None:
            return None
        block = self._decryptor.update(spelled.to_bytes(2 * _HALF))
        return int.from_bytes(block[_HALF:]) if block[:_HALF] == _beginning(prefix) else None


@lru_cache
def _beginning(prefix: str) -> bytes:
    return sha256(prefix.encode()).digest()[:_HALF]

"""The form in which the embedded log stores a record, and its checksum."""

import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator

from shared.bus.protocol import Message

_SUMMED = struct.Struct("<qqiii")


def rows_of(
    place: int, messages: Iterable[Message], at: int
) -> Iterator[tuple[int, bytes | None, bytes, bytes | None, int, int]]:
    """Yield the rows of messages from a place on: place, key, headers, value, time, checksum."""
    for number, message in zip(itertools.count(place), messages, strict=False):
        key, headers = None if message.key is None else message.key.encode(), pack(message.headers)
        yield number, key, headers, message.value, at, checksum(number, key, headers, message.value, at)


def checksum(place: int, key: bytes | None, headers: bytes, value: bytes | None, at: int) -> int:
    """Return the CRC-32 of a record: of its place, its time, and the lengths and contents of its parts."""
    head = _SUMMED.pack(
        place, at, -1 if key is None else len(key), len(headers), -1 if value is None else len(value)
    )
    return zlib.crc32(b"".join((head, key or b"", headers, value or b"")))  # one call: parts would cost twice


def pack(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack headers into bytes: per header the lengths of name and value (u16, u32, little endian), then both."""
    parts: list[bytes] = []
    for name, value in headers:
        encoded = name.encode()
        parts += (struct.pack("<HI", len(encoded), len(value)), encoded, value)
    return b"".join(parts)


def unpack(packed: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return the headers that `pack` has packed. Raises struct.error or UnicodeDecodeError if they are not whole."""
    headers: list[tuple[str, bytes]] = []
    at = 0
    while at < len(packed):
        name, value = struct.unpack_from("<HI", packed, at)
        at += 6
        headers.append((packed[at : at + name].decode(), packed[at + name : at + name + value]))
        at += name + value
    return tuple(headers)

"""Compute the partition of a key like Kafka's default partitioner, without a Kafka library."""

import struct
from functools import lru_cache

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_WORD = 0xFFFFFFFF
_KEYS_REMEMBERED = 16_384


@lru_cache(maxsize=_KEYS_REMEMBERED)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key among `partitions`, by murmur2 as in Kafka's Java client."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return the unsigned 32-bit MurmurHash2 of `data`, as `org.apache.kafka.common.utils.Utils.murmur2` does."""
    length = len(data)
    whole = length // 4
    h = _SEED ^ length
    for k in struct.unpack_from(f"<{whole}I", data):
        k = (k * _MIX) & _WORD
        k ^= k >> 24
        h = ((h * _MIX) & _WORD) ^ ((k * _MIX) & _WORD)
    rest = data[whole * 4 :]
    if rest:
        h = ((h ^ int.from_bytes(rest, "little")) * _MIX) & _WORD
    h ^= h >> 13
    h = (h * _MIX) & _WORD
    return h ^ (h >> 15)

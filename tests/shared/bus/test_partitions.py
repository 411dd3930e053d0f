"""The partition of a key is the one that any Kafka client computes."""

from pathlib import Path

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import open_bus, partition_of
from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus


@given(key=st.text(), partitions=st.integers(1, 50))
def test_a_keys_partition_is_kafkas(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), list(range(partitions)), [])


def test_a_keys_partition_never_changes() -> None:
    # From the Java client's own test of murmur2, so that a change of both implementations would be seen.
    assert [partition_of(key, 12) for key in ("21", "foobar", "a-little-bit-long-string")] == [
        (-973932308 & 0x7FFFFFFF) % 12,
        (-790332482 & 0x7FFFFFFF) % 12,
        (-985981536 & 0x7FFFFFFF) % 12,
    ]


def test_the_url_decides_which_bus(tmp_path: Path) -> None:
    assert isinstance(open_bus("embedded://", home=tmp_path), EmbeddedBus)
    assert isinstance(open_bus("kafka://one:9092, two:9092", home=tmp_path), KafkaBus)
    for wrong in ("", "kafka://", "embedded", "redis://x", "embedded://x"):
        with pytest.raises(ValueError, match="must be embedded:// or kafka://host:port"):
            open_bus(wrong, home=tmp_path)

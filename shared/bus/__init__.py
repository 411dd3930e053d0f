"""The event bus: one protocol with two implementations, `embedded` and `kafka`."""

from shared.bus.opening import open_bus
from shared.bus.partitions import partition_of
from shared.bus.protocol import (
    Bus,
    BusDamaged,
    BusUnavailable,
    ConnectedAnew,
    Damage,
    Guard,
    Message,
    OnAssigned,
    OnRevoked,
    Producer,
    Record,
    RecordRefused,
    Subscription,
    Tail,
    TopicPartition,
    TopicSettings,
    size_of,
    unguarded,
)

__all__ = [
    "Bus",
    "BusDamaged",
    "BusUnavailable",
    "ConnectedAnew",
    "Damage",
    "Guard",
    "Message",
    "OnAssigned",
    "OnRevoked",
    "Producer",
    "Record",
    "RecordRefused",
    "Subscription",
    "Tail",
    "TopicPartition",
    "TopicSettings",
    "open_bus",
    "partition_of",
    "size_of",
    "unguarded",
]

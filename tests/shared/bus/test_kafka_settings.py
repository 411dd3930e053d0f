"""What we ask of Kafka's client where one broker cannot show the difference."""

from typing import Any

import pytest
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from shared.bus import unguarded
from shared.bus.kafka import producer, subscription
from shared.bus.kafka.bus import KafkaBus
from shared.bus.kafka.producer import KafkaProducer
from shared.bus.kafka.subscription import KafkaSubscription


class Asked(Exception):
    """Raised instead of connecting, with the settings that were given."""

    def __init__(self, *_: object, **settings: Any) -> None:
        self.settings = settings
        raise self


async def nothing(*_: object) -> Any:
    return {}


async def three(*_: object) -> int:
    return 3


def test_a_record_is_acknowledged_by_all_replicas_and_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "AIOKafkaProducer", Asked)
    with pytest.raises(Asked) as asked:
        KafkaProducer("broker:9092", nothing, unguarded)
    settings = asked.value.settings
    assert (settings["acks"], settings["enable_idempotence"], settings["compression_type"]) == (
        "all",
        True,
        "lz4",
    )


async def test_a_member_is_static_starts_at_the_earliest_and_commits_nothing_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription, "AIOKafkaConsumer", Asked)
    member = KafkaSubscription(
        "broker:9092",
        "loyalty",
        ["t"],
        member="loyalty-1",
        on_assigned=nothing,
        on_revoked=nothing,
        extents=nothing,
        size=three,
        session_seconds=10.0,
    )
    with pytest.raises(Asked) as asked:
        await member.open()
    settings = asked.value.settings
    assert settings["group_instance_id"] == "loyalty-1-3"
    assert settings["enable_auto_commit"] is False
    assert settings["auto_offset_reset"] == "earliest"
    (assignor,) = settings["partition_assignment_strategy"]
    assert issubclass(assignor, StickyPartitionAssignor)


async def test_an_attempt_to_join_that_fails_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "AIOKafkaConsumer", Asked)
    bus = KafkaBus(["broker:9092"])
    monkeypatch.setattr(bus, "_size", three)  # looked up while the broker was there
    with pytest.raises(Asked):
        await bus.subscribe("loyalty", ["t"], member="loyalty-1", on_assigned=nothing, on_revoked=nothing)
    assert bus._subscriptions == set()

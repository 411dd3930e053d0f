"""What an administrator of Kafka does to topics: change their settings, add partitions, delete records."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from shared.bus.kafka.bus import UNLIMITED


async def alter(servers: str, topic: str, settings: Mapping[str, str]) -> None:
    """Give a topic these settings beside those that the product gives it."""
    async with _admin(servers) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {**UNLIMITED, **settings})
        for answer in await admin.alter_configs([resource]):
            for code, message, *_ in answer.resources:
                assert code == 0, (for_code(code), message)


async def grow(servers: str, topic: str, partitions: int) -> None:
    """Let a topic have this many partitions, more than it has."""
    async with _admin(servers) as admin:
        await admin.create_partitions({topic: NewPartitions(partitions)})


@asynccontextmanager
async def _admin(servers: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()

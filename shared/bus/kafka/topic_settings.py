"""Read how a Kafka cluster keeps topics. Its administrator may change that at any time."""

from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAuthorizationFailedError, for_code

from shared.bus.protocol import TopicSettings

NAMES = ("cleanup.policy", "retention.ms", "retention.bytes", "unclean.leader.election.enable")


async def read_settings(
    admin: AIOKafkaAdminClient, partitions: Mapping[str, int]
) -> dict[str, TopicSettings]:
    """Return the settings of these topics, whose numbers of partitions are known. Raises an error of Kafka."""
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(NAMES, "")) for topic in partitions
    ]
    found = dict[str, TopicSettings]()
    for answer in await admin.describe_configs(asked):
        for code, message, _, topic, entries in answer.resources:
            error = for_code(code)
            if error is TopicAuthorizationFailedError:
                found[topic] = TopicSettings(partitions[topic], readable=False)
            elif error is NoError:
                found[topic] = _settings(partitions[topic], entries)
            else:
                raise error(message or topic)
    return found


def _settings(partitions: int, entries: Sequence[Sequence[str]]) -> TopicSettings:
    """Return the settings out of entries that begin with a name and a value."""
    values = {entry[0]: entry[1] for entry in entries}
    return TopicSettings(
        partitions,
        policy=values["cleanup.policy"],
        retention_ms=int(values["retention.ms"]),
        retention_bytes=int(values["retention.bytes"]),
        unclean=values["unclean.leader.election.enable"] == "true",
    )

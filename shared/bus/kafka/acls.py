"""Grant users of a Kafka cluster what they may do."""

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

RESOURCES = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
LITERAL, ALLOW = 3, 3


class Grant(NamedTuple):
    """A user may do one operation on one topic or group."""

    user: str
    operation: str
    resource: str
    name: str


async def apply(admin: AIOKafkaAdminClient, grants: Sequence[Grant]) -> None:
    """Create these access control entries; nothing happens to those that exist. Raises an error of Kafka."""
    for grant in grants:
        request = CreateAclsRequest(
            RESOURCES[grant.resource], grant.name, LITERAL,
            f"User:{grant.user}", "*", OPERATIONS[grant.operation], ALLOW,
        )  # fmt: skip
        answer = await admin._send_to_controller(request)
        for code, message in answer.creation_responses:
            error = for_code(code)
            if error is not NoError:
                raise error(message or grant.name)

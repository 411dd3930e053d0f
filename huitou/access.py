"""The rights of each service's user of Kafka, from the events: who produces a topic, and who consumes it."""

from itertools import groupby

from huitou import registry
from shared.bus.kafka.acls import Grant
from shared.events import TOPICS


def grants() -> list[Grant]:
    """Return the rights of every service. Only the producing service writes to a topic."""
    granted = list[Grant]()
    for service in registry.services():
        consumers = [handlers for handlers in service.handlers if handlers.table]
        own = [topic.name for topic in TOPICS.values() if topic.producer == service.name]
        consumed = sorted({topic for handlers in consumers for topic in handlers.topics} - set(own))
        for topic in own:
            granted += [
                Grant(service.name, operation, "topic", topic)
                for operation in ("Write", "Read", "Create", "Describe", "DescribeConfigs")
            ]
        for topic in consumed:
            granted += [
                Grant(service.name, operation, "topic", topic)
                for operation in ("Read", "Describe", "DescribeConfigs")
            ]
        granted += [Grant(service.name, "Read", "group", handlers.consumer) for handlers in consumers]
    return granted


def in_lines() -> list[str]:
    """Return the rights as arguments of Kafka's own tool: a line for the topics, or the groups, with which a user may do the same."""
    lines = []
    for (user, resource), granted in groupby(grants(), key=lambda grant: (grant.user, grant.resource)):
        operations = dict[str, list[str]]()
        for grant in granted:
            operations.setdefault(grant.name, []).append(grant.operation)
        for allowed in dict.fromkeys(map(tuple, operations.values())):
            names = [name for name, own in operations.items() if tuple(own) == allowed]
            words = [f"--operation {operation}" for operation in allowed]
            words += [f"--{resource} {name}" for name in names]
            lines.append(f"--add --allow-principal User:{user} {' '.join(words)}")
    return lines

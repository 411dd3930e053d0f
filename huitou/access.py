"""The rights of each service's user of Kafka, from the events: who produces a topic, and who consumes it."""

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
                for operation in ("Write", "Read", "Create", "Describe")
            ]
        for topic in consumed:
            granted += [Grant(service.name, operation, "topic", topic) for operation in ("Read", "Describe")]
        granted += [Grant(service.name, "Read", "group", handlers.consumer) for handlers in consumers]
    return granted

"""The registry of the contracts: every event and every topic, derived from the family modules."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.events import feedback, loyalty, profile, scoring
from shared.events.base import Event
from shared.events.topic import Topic

ALL: tuple[type[Event], ...] = (*profile.EVENTS, *loyalty.EVENTS, *feedback.EVENTS, *scoring.EVENTS)
"""Every event of the platform. A family module lists its events once, in `EVENTS`."""

BY_TYPE: Mapping[str, type[Event]] = MappingProxyType({event.type: event for event in ALL})
"""Every event by its type, the name that it has on the wire."""

TOPICS: Mapping[str, Topic] = MappingProxyType({event.topic.name: event.topic for event in ALL})
"""Every topic by its name, in the order of the events."""


def published_by(service: str) -> tuple[type[Event], ...]:
    """Return the events of the topics that a service produces, in the order of `ALL`."""
    return tuple(event for event in ALL if event.topic.producer == service)


def events_of(topic: Topic) -> tuple[type[Event], ...]:
    """Return the events that a topic carries, in the order of `ALL`."""
    return tuple(event for event in ALL if event.topic == topic)


__all__ = ["ALL", "BY_TYPE", "TOPICS", "events_of", "published_by"]

"""The contracts between the services: every event that may be published, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.events import feedback, loyalty, profile, scoring
from shared.events.base import Event

ALL: tuple[type[Event], ...] = (*profile.EVENTS, *loyalty.EVENTS, *feedback.EVENTS, *scoring.EVENTS)
"""Every event of the platform. A family module lists its events once, in `EVENTS`."""

BY_TYPE: Mapping[str, type[Event]] = MappingProxyType({event.type: event for event in ALL})


def published_by(service: str) -> tuple[type[Event], ...]:
    """Return the events that a service may publish, in the order in which its family module lists them."""
    return tuple(event for event in ALL if event.type.partition(".")[0] == service)


__all__ = ["ALL", "BY_TYPE", "published_by"]

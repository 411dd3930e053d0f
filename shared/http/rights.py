"""Whether a process may write to topics of other services: whoever may do so can forge their events."""

import asyncio
import time
from collections.abc import Sequence

from shared.bus import Bus, BusUnavailable
from shared.events import TOPICS
from shared.http.health import Issue, issue

LOOK_SECONDS = 60.0
"""Rights change seldom, and to ask for them is a connection to the broker."""
ANSWER_SECONDS_MAX = 2.0

BUS_RIGHTS_WIDE = issue(__name__, "bus_rights_wide")


async def foreign_topics(service: str, bus: Bus) -> Sequence[str]:
    """Return the topics of other services that this process may write to. Raises BusUnavailable."""
    return await bus.writable([name for name, topic in TOPICS.items() if topic.producer != service])


class RightsCheck:
    """The check that the user of the bus may write to the topics of its own service only."""

    def __init__(self, service: str, bus: Bus) -> None:
        self._service, self._bus = service, bus
        self._topics: Sequence[str] = ()
        self._looked_at = float("-inf")

    async def __call__(self) -> Sequence[Issue]:
        """Return the issue that was found at the last look. A bus that is away is reported by another check."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    self._topics = await foreign_topics(self._service, self._bus)
                self._looked_at = time.monotonic()
            except (BusUnavailable, TimeoutError):
                pass
        if not self._topics:
            return ()
        return (BUS_RIGHTS_WIDE.filled(service=self._service, topics=[*self._topics]),)

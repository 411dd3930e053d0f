"""Whether the topics of a service are kept as the product needs them. An administrator of Kafka may change them at any time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from shared.bus import BusUnavailable, RecordRefused
from shared.context import Runtime
from shared.db import failures
from shared.http.health import Issue, issue
from shared.latest import Latest
from shared.outbox import topics
from shared.outbox.topics import FaultKind, TopicFault
from shared.service.service import Service

FIRST_SECONDS_MAX = 0.2
"""The time that readiness waits for a look; later it has the result of the last one."""
ANSWER_SECONDS_MAX = 2.0

SENTENCES: dict[FaultKind, Issue] = {
    "topic_deletes": issue(__name__, "topic_deletes"),
    "topic_grown": issue(__name__, "topic_grown"),
    "topic_unclean": issue(__name__, "topic_unclean"),
    "topic_unread": issue(__name__, "topic_unread"),
}


class TopicsCheck:
    """The check of the topics that a service writes or reads. It looks now and then, and tells what it found last."""

    def __init__(self, service: Service, runtime: Runtime) -> None:
        self._runtime = runtime
        self._own = service.topics_published
        self._topics = sorted({*self._own, *service.topics_consumed})
        self._found: Sequence[TopicFault] = ()
        self._latest = Latest[Sequence[TopicFault]]()

    async def gate(self) -> Sequence[Issue]:
        """Return an issue for each topic of this service that loses what is sent to it."""
        await self._look(FIRST_SECONDS_MAX)
        return [_issue(fault) for fault in self._found if self._closes(fault)]

    async def watched(self) -> Sequence[Issue]:
        """Return the issues that do not keep the service from being ready. The gate raises the error of a look, not this."""
        with suppress(Exception):
            await self._look(ANSWER_SECONDS_MAX)
        return [_issue(fault) for fault in self._found if not self._closes(fault)]

    def _closes(self, fault: TopicFault) -> bool:
        return fault.loses and fault.topic in self._own

    async def close(self) -> None:
        """End a look that still runs."""
        await self._latest.close()

    async def _look(self, seconds_max: float) -> None:
        """Look again if the last look is old, and wait for it this long. Raises what a look met that nobody expects."""
        try:
            async with asyncio.timeout(seconds_max):
                self._found = await self._latest.get(self._ask, topics.LOOK_SECONDS)
        except (TimeoutError, BusUnavailable, RecordRefused):
            return  # the look goes on, or another check says that the bus is away, or has lost a topic
        except Exception as error:
            if not failures.is_transient(error):
                raise

    async def _ask(self) -> Sequence[TopicFault]:
        return await topics.faults(self._runtime.database, self._runtime.bus, self._topics)


def _issue(fault: TopicFault) -> Issue:
    return SENTENCES[fault.kind].filled(topic=fault.topic, found=fault.found, wanted=fault.wanted)

"""What Kafka's errors mean, and how often they are said."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from shared.bus.members import held_back
from shared.bus.protocol import BusUnavailable, RecordRefused

SAID_EVERY_SECONDS = 30.0
REFUSALS = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
NOT_ALLOWED = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)

_log = logging.getLogger(__name__)


class HeldBack(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """A guard did not let records leave; as an error of Kafka's that is not tried again."""


class _Seldom(logging.Handler):
    """Takes aiokafka's lines, of which a lost broker makes ten a second, and says one of them every 30 s in our words."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)  # its warnings are rebalances, which are no trouble
        self._said_at: float | None = None
        self._held_back = 0

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if self._said_at is not None and now - self._said_at < SAID_EVERY_SECONDS:
            self._held_back += 1
            return
        _log.warning(
            "Kafka is away or unsettled; it is tried again until it is back. Its client says: %s (%d further lines held back)",
            record.getMessage(),
            self._held_back,
        )
        self._said_at, self._held_back = now, 0


def quieten() -> None:
    """Let aiokafka's loggers speak through this module only, at most once every 30 s."""
    theirs = logging.getLogger("aiokafka")
    if not any(isinstance(handler, _Seldom) for handler in theirs.handlers):
        theirs.addHandler(_Seldom())
        theirs.propagate = False


@contextmanager
def in_words(servers: str, doing: str) -> Iterator[None]:
    """Turn an error of Kafka or its client into a BusUnavailable or a RecordRefused that says what is wrong."""
    try:
        yield
    except REFUSALS as error:
        raise RecordRefused(f"Kafka at {servers} refused {doing}: {name(error)}") from error
    except NOT_ALLOWED as error:
        raise BusUnavailable(f"Kafka at {servers} does not allow {doing}: {name(error)}; grant it") from error
    except HeldBack as error:
        raise held_back(error) from error
    except TimeoutError as error:
        raise BusUnavailable(f"Kafka at {servers} has not answered in time while {doing}") from error
    except (KafkaError, OSError) as error:
        raise BusUnavailable(f"Kafka at {servers} is not available while {doing}: {name(error)}") from error


async def ended(ending: Coroutine[Any, Any, None], *, seconds_max: float) -> None:
    """Await the end of one of aiokafka's parts, for a limited time and whatever comes out of it.

    In a task of its own: with the broker away its `stop` can raise the CancelledError of a task it cancelled itself,
    which here would look as if we had been cancelled.
    """
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=seconds_max)
    if not task.done():
        task.cancel()
    elif not task.cancelled() and task.exception() is not None:
        _log.debug("Ending a Kafka client failed: %r", task.exception())


def cut(client: AIOKafkaClient) -> None:
    """Cut a client's connections at once; its `close` alone waits until a broker that stands still has read them out."""
    for connection in client._conns.values():
        if connection._writer is not None:
            connection._writer.transport.abort()


def name(error: BaseException) -> str:
    """An error's own words, or its name where it has none."""
    return str(error) or type(error).__name__

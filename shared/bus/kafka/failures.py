"""Translate the errors of Kafka and its client into ours, and limit how often they are logged."""

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
from shared.bus.protocol import BusUnavailable, ConnectedAnew, RecordRefused
from shared.speech import words

LOGGED_EVERY_SECONDS = 30.0
REFUSALS = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
NOT_ALLOWED = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)

_log = logging.getLogger(__name__)


class HeldBack(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """A guard refused to let records leave. It is an error of Kafka's kind, which aiokafka does not retry."""


class OtherConnection(KafkaError):  # type: ignore[misc]  # aiokafka has no types
    """A producer has connected anew, and nothing is sent over the new connection. aiokafka does not retry it either."""


class _RareLog(logging.Handler):
    """Log one of aiokafka's lines every LOGGED_EVERY_SECONDS. A lost broker causes ten lines per second."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)  # its warnings are about rebalances, which are normal
        self._logged_at: float | None = None
        self._held_back = 0

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if self._logged_at is not None and now - self._logged_at < LOGGED_EVERY_SECONDS:
            self._held_back += 1
            return
        _log.warning(
            "Kafka is away or unsettled; it is tried again until it is back. Its client says: %s (%d further lines held back)",
            record.getMessage(),
            self._held_back,
        )
        self._logged_at, self._held_back = now, 0


def quieten() -> None:
    """Pass the lines of aiokafka's loggers through this module only, at most one every LOGGED_EVERY_SECONDS."""
    theirs = logging.getLogger("aiokafka")
    if not any(isinstance(handler, _RareLog) for handler in theirs.handlers):
        theirs.addHandler(_RareLog())
        theirs.propagate = False


@contextmanager
def translated_errors(servers: str, doing: str) -> Iterator[None]:
    """Turn an error of Kafka or its client into a BusUnavailable or a RecordRefused that says what is wrong."""
    try:
        yield
    except REFUSALS as error:
        raise RecordRefused(f"Kafka at {servers} refused {doing}: {name(error)}") from error
    except NOT_ALLOWED as error:
        raise BusUnavailable(
            words(__name__, "kafka_forbids", servers=servers, doing=doing, error=name(error))
        ) from error
    except OtherConnection as error:
        raise ConnectedAnew(f"Kafka at {servers} was connected anew while {doing}") from error
    except HeldBack as error:
        raise held_back(error) from error
    except TimeoutError as error:
        raise BusUnavailable(words(__name__, "kafka_late", servers=servers, doing=doing)) from error
    except (KafkaError, OSError) as error:
        raise BusUnavailable(
            words(__name__, "kafka_away", servers=servers, doing=doing, error=name(error))
        ) from error


async def ended(ending: Coroutine[Any, Any, None], *, seconds_max: float) -> None:
    """Wait for a limited time until one of aiokafka's parts has ended, and ignore its errors.

    The part ends in its own task. If the broker is away, its `stop` can raise the CancelledError of a task that it
    cancelled itself, which here would look as if we had been cancelled.
    """
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=seconds_max)
    if not task.done():
        task.cancel()
    elif not task.cancelled() and task.exception() is not None:
        _log.debug("Ending a Kafka client failed: %r", task.exception())


def cut(client: AIOKafkaClient) -> None:
    """Cut a client's connections at once. Its `close` would wait until a hanging broker has read all that was sent."""
    for connection in client._conns.values():
        if connection._writer is not None:
            connection._writer.transport.abort()


def name(error: BaseException) -> str:
    """Return the text of an error, or its class name if it has no text."""
    return str(error) or type(error).__name__

"""What Kafka's errors mean, and how often they are said."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

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


class _Seldom(logging.Handler):
    """Takes aiokafka's lines, of which a lost broker makes ten a second, and says one of them every 30 s in our words."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
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
    except TimeoutError as error:
        raise BusUnavailable(f"Kafka at {servers} has not answered in time while {doing}") from error
    except (KafkaError, OSError) as error:
        raise BusUnavailable(f"Kafka at {servers} is not available while {doing}: {name(error)}") from error


def name(error: BaseException) -> str:
    """An error's own words, or its name where it has none."""
    return str(error) or type(error).__name__

"""The log: one JSON object a line, and no key in it that is not on the list, so that no personal data gets there.

    log = logs.named(__name__)
    log.info("batch applied", consumer="loyalty", topic=topic, partition=3, records=500, duration_ms=41.2)

The sentence (`event`) is a constant of the program. Values go under the keys of KEYS; a value under any other key is
written as `[redacted]`. Lines of the standard `logging` are written as they are where they are our own, and those of
other libraries as their template, without what was put into it.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

KEYS: frozenset[str] = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "source",
        "service",
        "exception",
        "where",
        "suppressed",
        "request_id",
        "traceparent",
        "operation",
        "method",
        "path_template",
        "status",
        "duration_ms",
        "bytes",
        "principal_kind",
        "principal_id",
        "consumer",
        "topic",
        "partition",
        "offset",
        "records",
        "waves",
        "events",
        "event_type",
        "event_id",
        "set_aside",
        "dead",
        "parked",
        "queued",
        "repeated",
        "retried",
        "lag_records",
        "lag_seconds",
        "attempt",
        "wait_seconds",
        "code",
        "kind",
        "reason_code",
        "error_type",
        "cause_kind",
        "cause_id",
        "job",
        "effects",
        "lease",
        "holder",
        "pending",
        "oldest_seconds",
        "published",
        "pruned",
        "floor",
        "identity_id",
        "customer_id",
        "purchase_id",
        "return_id",
        "complaint_id",
        "remedy_id",
        "erasure_id",
        "model_version",
        "dialect",
        "database",
        "file",
        "variable",
        "meant",
        "revision",
        "port",
        "host",
        "home",
        "version",
        "pid",
        "signal",
        "seconds",
        "count",
        "total",
        "drift",
        "rule",
    ]
)
"""What may be logged: ids, codes, counts and times. A free text, a name or a contact has no key here, and gets none."""

OWN_PACKAGES = ("huitou", "services", "shared")
REDACTED = "[redacted]"
TEXT_CHARACTERS_MAX = 300
FRAMES_MAX = 25
QUIET_SECONDS = 30.0
"""How often a line that repeats itself is written."""

ExceptionTriple = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(service: str, *, level: str = "info", stream: TextIO | None = None) -> None:
    """Send this process's log, and that of the libraries it uses, to `stream` (standard error)."""
    minimum = logging.getLevelNamesMapping()[level.upper()]
    _write(service, minimum, stream or sys.stderr)
    root = logging.getLogger()
    root.handlers[:] = [Foreign()]
    root.setLevel(max(minimum, logging.WARNING))
    for package in OWN_PACKAGES:
        logging.getLogger(package).setLevel(minimum)


def named(name: str) -> FilteringBoundLogger:
    """The logger of a module."""
    return cast(FilteringBoundLogger, structlog.get_logger(source=name))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
    """Replace what stands under a key that is not on the list, and cut what is too long."""
    return {key: _plain(value) if key in KEYS else REDACTED for key, value in event.items()}


def explain_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Write an exception as its types and places: its message may quote what a person sent."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        event.update(describe(info[1]))
    return event


def describe(error: BaseException) -> dict[str, Any]:
    """An exception without its message: its type, with those of its causes, and the places it came through."""
    types: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(types) < FRAMES_MAX:
        types.append(type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"exception": " < ".join(types), "where": frames[-FRAMES_MAX:]}


class Foreign(logging.Handler):
    """Takes what is logged by way of `logging`; of other libraries only the template, without its arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"source": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= describe(record.exc_info[1])
        own = record.name.partition(".")[0] in OWN_PACKAGES
        text = (
            record.getMessage()
            if own
            else record.msg
            if isinstance(record.msg, str)
            else type(record.msg).__name__
        )
        log = cast(FilteringBoundLogger, structlog.get_logger())
        log.log(record.levelno, text.partition("\n")[0][:TEXT_CHARACTERS_MAX], **fields)


class Quietly:
    """Says a thing once, then at most every QUIET_SECONDS, with how often it was left out in between."""

    def __init__(self, log: FilteringBoundLogger, *, every_seconds: float = QUIET_SECONDS) -> None:
        self._log = log
        self._every = every_seconds
        self._said: dict[str, tuple[float, int]] = {}

    def warning(self, event: str, **fields: Any) -> None:
        """Warn, unless the same sentence was written a moment ago."""
        now = time.monotonic()
        last, suppressed = self._said.get(event, (None, 0))
        if last is not None and now - last < self._every:
            self._said[event] = (last, suppressed + 1)
            return
        self._said[event] = (now, 0)
        self._log.warning(event, **fields, **({"suppressed": suppressed} if suppressed else {}))

    def over(self, event: str, **fields: Any) -> None:
        """Say that all is well again, if anything had been said; the next warning is written at once."""
        if self._said:
            self._said.clear()
            self._log.info(event, **fields)


def _write(service: str, minimum: int, stream: TextIO) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _of(service),
            explain_exception,
            redact,
            structlog.processors.JSONRenderer(serializer=_compact),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def _of(service: str) -> Any:
    def add(
        _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)[:TEXT_CHARACTERS_MAX]


def _short(filename: str) -> str:
    """A source file from its package on."""
    for mark in ("/site-packages/", "/services/", "/shared/", "/huitou/"):
        _, found, after = filename.rpartition(mark)
        if found:
            return after if mark == "/site-packages/" else mark.strip("/") + "/" + after
    return filename.rpartition("/")[2]


def _compact(event: Any, **_options: Any) -> str:
    return _ENCODER.encode(event)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_write("huitou", logging.INFO, sys.stderr)  # structlog's own default would print local variables

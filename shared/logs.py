"""The log writes one JSON object per line. A module declares the keys it logs, so that no personal data gets into the log.

    log = logs.named(__name__, keys=("consumer", "topic", "partition", "records", "duration_ms"))
    log.info("batch applied", consumer="loyalty", topic=topic, partition=3, records=500, duration_ms=41.2)

The sentence (`event`) is a constant of the program. A value under a key that its module has not declared is written as
`[redacted]`. A key whose last word promises personal data or free text cannot be declared at all.

Lines that our own packages write through the standard `logging` are written in full. Lines of other libraries are written
as their template, without the arguments, because an argument may quote what a person sent.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from shared.log_file import Lines, Patient, StandardError

COMMON_KEYS = frozenset(
    ["event", "level", "timestamp", "source", "service", "exception", "where", "suppressed", "lost_lines"]
)
"""The keys that any line may have; no module declares them."""

REFUSED_WORDS = frozenset(
    """
    address agent answer birthday body comment contact content cookie description email header identifier key mail
    message name note password payload phone query reason reference request response secret sentence subject text title
    token url value words
    """.split()
)
"""A key must not end in one of these words. Log ids, codes, counts and times instead: `reason_code`, not `reason`."""

OWN_PACKAGES = ("huitou", "services", "shared")
REDACTED = "[redacted]"
TEXT_CHARACTERS_MAX = 300
FRAMES_MAX = 25
QUIET_SECONDS = 30.0
"""The least number of seconds between two lines that say the same."""

_KEY = re.compile(r"[a-z]+(_[a-z]+)*")
_ALLOWED = "_allowed_keys"


def configure(service: str, *, level: str = "info", stream: Lines | None = None) -> None:
    """Send the log of this process and of its libraries to `stream`, or to standard error.

    A line that cannot be written, because the disk is full, ends nothing. The next that can be written has the number of
    lines that were lost before it, as `lost_lines`.
    """
    minimum = logging.getLevelNamesMapping()[level.upper()]
    _write(service, minimum, stream or StandardError())
    root = logging.getLogger()
    root.handlers[:] = [StandardLogging()]
    root.setLevel(max(minimum, logging.WARNING))
    for package in OWN_PACKAGES:
        logging.getLogger(package).setLevel(minimum)


def lost_lines() -> int:
    """Return how many lines could not be written since the last that could."""
    return _patient.lost


def named(name: str, *, keys: Iterable[str] = ()) -> FilteringBoundLogger:
    """Return the logger of a module, which writes values only under `keys` and COMMON_KEYS.

    Raises ValueError for a key that promises personal data or free text.
    """
    declared = frozenset(keys)
    if wrong := sorted(
        key for key in declared if not _KEY.fullmatch(key) or _last_word(key) in REFUSED_WORDS
    ):
        raise ValueError(f"{name} must not log {', '.join(wrong)}: log ids, codes, counts and times")
    return cast(FilteringBoundLogger, structlog.get_logger(source=name, **{_ALLOWED: COMMON_KEYS | declared}))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
    """Replace each value whose key the module has not declared, and cut texts that are too long."""
    allowed = event.pop(_ALLOWED, COMMON_KEYS)
    return {key: _plain(value) if key in allowed else REDACTED for key, value in event.items()}


def explain_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its types and places, because its message may quote what a person sent."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        event.update(describe(info[1]))
    return event


def describe(error: BaseException) -> dict[str, Any]:
    """Describe an exception without its message: its type, the types of its causes, and the places it passed."""
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


class StandardLogging(logging.Handler):
    """Pass on what is logged through `logging`. Lines of other libraries lose their arguments."""

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


class QuietLog:
    """A log that writes a repeated warning once, and then at most every QUIET_SECONDS with the number left out."""

    def __init__(self, log: FilteringBoundLogger, *, every_seconds: float = QUIET_SECONDS) -> None:
        self._log = log
        self._every = every_seconds
        self._written: dict[str, tuple[float, int]] = {}

    def warning(self, event: str, **fields: Any) -> None:
        """Write a warning, unless the same sentence was written less than QUIET_SECONDS ago."""
        now = time.monotonic()
        last, suppressed = self._written.get(event, (None, 0))
        if last is not None and now - last < self._every:
            self._written[event] = (last, suppressed + 1)
            return
        self._written[event] = (now, 0)
        self._log.warning(event, **fields, **({"suppressed": suppressed} if suppressed else {}))

    def over(self, event: str, **fields: Any) -> None:
        """Write that the trouble is over if a warning was written before. The next warning is written at once."""
        if self._written:
            self._written.clear()
            self._log.info(event, **fields)


def _write(service: str, minimum: int, stream: Lines) -> None:
    _patient.redirect(stream)
    lines = structlog.WriteLogger(file=cast(TextIO, _patient))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _default_service(service),
            _tell_lost_lines,
            explain_exception,
            redact,
            structlog.processors.JSONRenderer(serializer=_compact),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=lambda: lines,
        cache_logger_on_first_use=False,
    )


def _default_service(service: str) -> Any:
    def add(
        _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def _tell_lost_lines(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if lost := lost_lines():
        event["lost_lines"] = lost
    return event


def _last_word(key: str) -> str:
    return key.rpartition("_")[2]


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value[:TEXT_CHARACTERS_MAX]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)[:TEXT_CHARACTERS_MAX]


def _short(filename: str) -> str:
    """Return the path of a source file from its package on."""
    for mark in ("/site-packages/", "/services/", "/shared/", "/huitou/"):
        _, separator, after = filename.rpartition(mark)
        if separator:
            return after if mark == "/site-packages/" else mark.strip("/") + "/" + after
    return filename.rpartition("/")[2]


def _compact(event: Any, **_options: Any) -> str:
    return _ENCODER.encode(event)


_patient = Patient(StandardError())
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_write("huitou", logging.INFO, StandardError())  # structlog's own default would print local variables

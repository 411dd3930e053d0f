"""Write events as records of a bus, and read them: CloudEvents 1.0 with the Kafka protocol binding.

Records are written in binary mode: attributes in headers `ce_…`, and the event as JSON in the value. They are read in binary
mode and in structured mode (`application/cloudevents+json`). A record that cannot be read raises `MalformedRecord`. Its text
never repeats a value of the record, because the text gets into logs and a malformed record may hold personal data.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from shared.events import BY_TYPE
from shared.events.base import Event, as_text
from shared.limits import EVENT_BYTES_MAX

SOURCE_CHARS_MAX = 256
TYPE_CHARS_MAX = 128
ERRORS_NAMED_MAX = 5

CONTENT_TYPE = "content-type"
JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
SPECVERSION = "1.0"

# The headers that are read, with the name that each attribute has in structured mode.
_HEADERS = {
    "ce_specversion": "specversion",
    "ce_id": "id",
    "ce_source": "source",
    "ce_type": "type",
    "ce_time": "time",
    "content-type": "datacontenttype",
    "traceparent": "traceparent",
}
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
TRACEPARENT_SHAPE = r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
"""The W3C trace context of version 0."""
_TRACEPARENT = re.compile(TRACEPARENT_SHAPE)


class MalformedRecord(Exception):
    """A record is not an event: `reason_code` says why for counters, `detail` for people."""

    def __init__(self, reason_code: str, detail: str) -> None:
        super().__init__(f"{reason_code}: {detail}")
        self.reason_code = reason_code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Envelope:
    """The event of a record, with the attributes of its headers.

    `event` is None if this program does not know the type, because the producer is newer than this consumer. `time` and
    `traceparent` are None if the record does not carry them.
    """

    event_id: UUID
    type: str
    source: str
    time: datetime | None
    event: Event | None
    traceparent: str | None = None


def source_of(service: str) -> str:
    """Return the `source` of the events that a service publishes."""
    return f"/huitou/{service}"


def encode(
    event: Event, event_id: UUID, source: str, traceparent: str | None = None
) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return the headers and the value of the record that carries an event. Raises MalformedRecord, as `write_texts` does."""
    headers, value = write_texts(event, event_id, source, traceparent)
    return [(name, text.encode()) for name, text in headers.items()], value.encode()


def write_texts(
    event: Event, event_id: UUID, source: str, traceparent: str | None = None
) -> tuple[dict[str, str], str]:
    """Return the headers and the value of the record that carries an event, as texts: so the outbox keeps them.

    `source` names the publishing service as a URI reference (`/huitou/profile`). An invalid `traceparent` is
    left out, as its specification asks. Raises MalformedRecord (`too_large`) for an event that no bus would accept.
    """
    assert _VISIBLE.fullmatch(source), "the source must be a URI reference"
    assert len(source) <= SOURCE_CHARS_MAX, "the source is too long"
    value = event.model_dump_json(exclude_none=True)
    if (size := len(value.encode())) > EVENT_BYTES_MAX:
        raise MalformedRecord("too_large", f"The value has {size} bytes, {EVENT_BYTES_MAX} are allowed.")
    headers = {
        "ce_specversion": SPECVERSION,
        "ce_id": str(event_id),
        "ce_source": source,
        "ce_type": event.type,
        "ce_time": as_text(event.occurred_at),
        "ce_subject": event.key,
        CONTENT_TYPE: JSON,
    }
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent):
        headers["traceparent"] = traceparent
    return headers, value


def decode(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> Envelope:
    """Return the envelope of a record with its validated event. Raises MalformedRecord and nothing else."""
    if value is None:
        raise MalformedRecord("no_value", "The record has no value.")
    if len(value) > EVENT_BYTES_MAX:
        raise MalformedRecord(
            "too_large", f"The value has {len(value)} bytes, {EVENT_BYTES_MAX} are allowed."
        )
    attributes = _attributes(headers)
    media_type = _media_type(attributes)
    if media_type == STRUCTURED:
        return _structured(value, attributes.get("traceparent"))
    if "specversion" not in attributes:
        raise MalformedRecord(
            "not_a_cloudevent", "Neither ce_ headers nor the structured content type are there."
        )
    if media_type != JSON:
        raise MalformedRecord("content_type", "The content type is not application/json.")
    return _envelope(attributes, value)


def _attributes(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """Return the attributes in the headers as texts. Other headers are ignored and may hold anything."""
    attributes: dict[str, str] = {}
    for header, value in headers:
        name = _HEADERS.get(header)
        if name is None:
            continue
        if name in attributes:
            raise MalformedRecord("header_twice", "A CloudEvents header is there twice.")
        try:
            attributes[name] = value.decode()
        except (UnicodeDecodeError, AttributeError) as error:  # a Kafka header may also be null
            raise MalformedRecord("header_not_text", "A CloudEvents header is not UTF-8 text.") from error
    return attributes


def _media_type(attributes: Mapping[str, str]) -> str:
    """Return the content type without its parameters, or JSON if there is none."""
    content_type = attributes.get("datacontenttype", JSON)
    return content_type if content_type == JSON else content_type.partition(";")[0].strip().lower()


def _structured(value: bytes, traceparent: str | None) -> Envelope:
    """Read a whole CloudEvent that is one JSON object."""
    try:
        document = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedRecord("not_json", "The structured value is not JSON.") from error
    if not isinstance(document, dict):
        raise MalformedRecord("not_a_cloudevent", "The structured value is not an object.")
    if not isinstance(document.get("datacontenttype", JSON), str):
        raise MalformedRecord("content_type", "The data content type is not text.")
    attributes = {name: text for name, text in document.items() if isinstance(text, str)}
    if _media_type(attributes) != JSON:
        raise MalformedRecord("content_type", "The data content type is not application/json.")
    if traceparent is not None:
        attributes.setdefault("traceparent", traceparent)
    return _envelope(attributes, _structured_data(document))


def _structured_data(document: Mapping[str, object]) -> bytes:
    """Return the event within a structured CloudEvent as JSON text, so that one strict reader reads both modes."""
    if ("data" in document) == ("data_base64" in document):
        raise MalformedRecord("no_data", "There must be either data or data_base64.")
    if "data" in document:
        return to_json(document["data"])
    encoded = document["data_base64"]
    if not isinstance(encoded, str):
        raise MalformedRecord("no_data", "data_base64 is not text.")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRecord("no_data", "data_base64 is not base64.") from error


def _envelope(attributes: Mapping[str, str], payload: bytes) -> Envelope:
    """Check the attributes, then the event if its type is known."""
    if attributes.get("specversion") != SPECVERSION:
        raise MalformedRecord("specversion", "The specversion is not 1.0.")
    event_id, type_, source = (
        attributes.get("id", ""),
        attributes.get("type", ""),
        attributes.get("source", ""),
    )
    if not _UUID.fullmatch(event_id):
        raise MalformedRecord("id", "The id is not a UUID.")
    model = BY_TYPE.get(type_)
    if model is None and not (_VISIBLE.fullmatch(type_) and len(type_) <= TYPE_CHARS_MAX):
        raise MalformedRecord("type", "The type is missing, too long or not a name.")
    if not (_VISIBLE.fullmatch(source) and len(source) <= SOURCE_CHARS_MAX):
        raise MalformedRecord("source", "The source is missing, too long or not a URI reference.")
    traceparent = attributes.get("traceparent")
    return Envelope(
        event_id=UUID(event_id),
        type=type_,
        source=source,
        time=_time(attributes["time"]) if "time" in attributes else None,
        event=_event(model, payload) if model is not None else None,
        traceparent=traceparent if traceparent is not None and _TRACEPARENT.fullmatch(traceparent) else None,
    )


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise MalformedRecord("time", "The time has no zone.")
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedRecord("time", "The time is not an RFC 3339 instant.") from error


def _event(model: type[Event], payload: bytes) -> Event:
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        named = [
            f"{'.'.join(map(str, fault['loc'])) or 'event'} ({fault['type']})"
            for fault in wrong[:ERRORS_NAMED_MAX]
        ]
        more = f" and {len(wrong) - len(named)} more" if len(wrong) > len(named) else ""
        raise MalformedRecord("invalid_event", f"Not a {model.type}: {', '.join(named)}{more}.") from error

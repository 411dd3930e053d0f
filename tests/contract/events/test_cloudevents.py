"""Facts about records on the wire: the SDK understands us, we understand the SDK, and garbage is only garbage."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.events import cloudevents, schema
from shared.events.base import Event
from shared.events.cloudevents import Envelope, MalformedRecord
from shared.events.profile import PurchaseRecorded
from shared.limits import EVENT_BYTES_MAX
from tests.contract.events.shapes import EXAMPLES

EVENT_ID = UUID("019a7c3e-5b1d-7f00-8a2b-3c4d5e6f7081")
SOURCE = "/huitou/profile"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PURCHASE = PurchaseRecorded.model_validate_json(schema.text(schema.examples(PurchaseRecorded)["full.json"]))

Headers = list[tuple[str, bytes]]


def record() -> tuple[Headers, bytes]:
    return cloudevents.encode(PURCHASE, EVENT_ID, SOURCE)


def with_header(name: str, value: bytes | None) -> Headers:
    """The headers of a good record with one replaced, or taken away."""
    headers = [(header, old) for header, old in record()[0] if header != name]
    return headers if value is None else [*headers, (name, value)]


def attributes(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(EVENT_ID),
        "source": SOURCE,
        "type": PURCHASE.type,
        "specversion": "1.0",
        "time": PURCHASE.occurred_at,
        "subject": PURCHASE.identity_id,
        "datacontenttype": "application/json",
        **changes,
    }


def structured(**changes: Any) -> bytes:
    """A structured record; a change to None takes the member away."""
    data = json.loads(PURCHASE.model_dump_json(exclude_none=True))
    whole = {**attributes(time="2026-03-02T09:41:07.250001Z", data=data), **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def decode_structured(value: bytes) -> Envelope:
    return cloudevents.decode([("content-type", b"application/cloudevents+json; charset=utf-8")], value)


@pytest.mark.parametrize(("event", "name"), EXAMPLES)
def test_an_event_comes_back_as_it_was_sent(event: type[Event], name: str) -> None:
    sent = event.model_validate_json(schema.text(schema.examples(event)[name]))

    envelope = cloudevents.decode(*cloudevents.encode(sent, EVENT_ID, SOURCE, TRACEPARENT))

    assert envelope == Envelope(EVENT_ID, event.type, SOURCE, sent.occurred_at, sent, TRACEPARENT)


@pytest.mark.parametrize(("event", "name"), EXAMPLES)
def test_the_sdk_reads_what_we_write(event: type[Event], name: str) -> None:
    sent = event.model_validate_json(schema.text(schema.examples(event)[name]))
    headers, payload = cloudevents.encode(sent, EVENT_ID, SOURCE)

    read = kafka.from_binary(kafka.KafkaMessage(dict(headers), sent.key.encode(), payload), JSONFormat())

    assert (read.get_id(), read.get_source(), read.get_type()) == (str(EVENT_ID), SOURCE, event.type)
    assert (read.get_specversion(), read.get_subject()) == ("1.0", sent.key)
    assert (read.get_time(), read.get_datacontenttype()) == (sent.occurred_at, "application/json")
    assert read.get_data() == json.loads(sent.model_dump_json(exclude_none=True))


@pytest.mark.parametrize("to_record", [kafka.to_binary, kafka.to_structured])
@pytest.mark.parametrize(("event", "name"), EXAMPLES)
def test_we_read_what_the_sdk_writes(to_record: Any, event: type[Event], name: str) -> None:
    example = schema.examples(event)[name]
    expected = event.model_validate_json(schema.text(example))
    about = attributes(type=event.type, time=expected.occurred_at, subject=expected.key)
    message = to_record(CloudEvent(about, example), JSONFormat())

    envelope = cloudevents.decode(list(message.headers.items()), message.value)

    assert envelope == Envelope(EVENT_ID, event.type, SOURCE, expected.occurred_at, expected)


def test_we_read_structured_base64_from_the_sdk() -> None:
    payload = PURCHASE.model_dump_json().encode()
    message = kafka.to_structured(CloudEvent(attributes(), payload), JSONFormat())

    assert b"data_base64" in message.value
    assert cloudevents.decode(list(message.headers.items()), message.value).event == PURCHASE


def test_an_unknown_type_is_an_envelope_without_an_event() -> None:
    headers, payload = with_header("ce_type", b"weather.rain_fell.v1"), record()[1]

    envelope = cloudevents.decode(headers, payload)

    assert (envelope.type, envelope.event) == ("weather.rain_fell.v1", None)
    assert decode_structured(structured(type="weather.rain_fell.v1")).event is None


def test_a_newer_record_with_more_fields_is_read() -> None:
    payload = json.dumps({**json.loads(record()[1]), "gift": True}).encode()

    assert cloudevents.decode(record()[0], payload).event == PURCHASE


def test_a_record_may_lack_time_and_content_type_and_carry_headers_of_others() -> None:
    headers = [pair for pair in record()[0] if pair[0] not in ("ce_time", "content-type")]

    envelope = cloudevents.decode(
        [("b3", b"\xff\xfe"), ("b3", b""), *headers, ("ce_shard", b"\xff")], record()[1]
    )

    assert (envelope.time, envelope.event) == (None, PURCHASE)


def test_a_trace_that_is_none_is_left_out() -> None:
    headers, payload = cloudevents.encode(PURCHASE, EVENT_ID, SOURCE, "li.wei@example.com")

    assert "traceparent" not in dict(headers)
    assert cloudevents.decode([*headers, ("traceparent", b"nonsense")], payload).traceparent is None


def test_the_time_of_a_record_is_read_as_utc() -> None:
    envelope = cloudevents.decode(with_header("ce_time", b"2026-03-02T17:41:07.25+08:00"), record()[1])

    assert envelope.time == datetime(2026, 3, 2, 9, 41, 7, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ce_specversion", None, "not_a_cloudevent"),
        ("ce_specversion", b"0.3", "specversion"),
        ("ce_id", None, "id"),
        ("ce_id", b"17", "id"),
        ("ce_id", b"{019a7c3e-5b1d-7f00-8a2b-3c4d5e6f7081}", "id"),
        ("ce_id", b"019a7c3e5b1d7f008a2b3c4d5e6f7081", "id"),
        ("ce_type", None, "type"),
        ("ce_type", b"", "type"),
        ("ce_type", b"x" * 129, "type"),
        ("ce_source", None, "source"),
        ("ce_source", b"with space", "source"),
        ("ce_source", b"/" * 257, "source"),
        ("ce_time", b"yesterday", "time"),
        ("ce_time", b"2026-03-02T09:41:07", "time"),
        ("ce_time", b"0001-01-01T00:00:00+14:00", "time"),
        ("ce_type", b"\xff", "header_not_text"),
        ("content-type", b"text/plain", "content_type"),
        ("content-type", b"application/cloudevents-batch+json", "content_type"),
    ],
)
def test_a_wrong_header_is_told_in_one_word(name: str, value: bytes | None, code: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        cloudevents.decode(with_header(name, value), record()[1])

    assert caught.value.reason_code == code


def test_a_header_that_is_there_twice_is_malformed() -> None:
    headers, payload = record()

    with pytest.raises(MalformedRecord, match="header_twice"):
        cloudevents.decode([*headers, headers[0]], payload)


def test_a_header_that_is_null_is_malformed() -> None:
    null: Any = None

    with pytest.raises(MalformedRecord, match="header_not_text"):
        cloudevents.decode([*with_header("ce_time", None), ("ce_time", null)], record()[1])


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "no_value"),
        (b"", "invalid_event"),
        (b"\xff\xfe", "invalid_event"),
        (b"[]", "invalid_event"),
        (b"{}", "invalid_event"),
        (b"[" * 100_000, "invalid_event"),
        (b" " * (EVENT_BYTES_MAX + 1), "too_large"),
    ],
)
def test_a_wrong_value_is_told_in_one_word(value: bytes | None, code: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        cloudevents.decode(record()[0], value)

    assert caught.value.reason_code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_a_cloudevent"),
        (structured(specversion=1.0), "specversion"),
        (structured(id=None), "id"),
        (structured(data=None), "no_data"),
        (structured(data_base64=base64.b64encode(b"{}").decode()), "no_data"),
        (structured(data=None, data_base64="?"), "no_data"),
        (structured(data=None, data_base64=7), "no_data"),
        (structured(data="text"), "invalid_event"),
        (structured(datacontenttype="text/xml"), "content_type"),
        (structured(datacontenttype=7), "content_type"),
        (structured(time="noon"), "time"),
    ],
)
def test_a_wrong_structured_record_is_told_in_one_word(value: bytes, code: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        decode_structured(value)

    assert caught.value.reason_code == code


def test_the_words_of_a_refusal_say_where_and_never_what() -> None:
    example = json.loads(record()[1])
    example["lines"][1]["quantity"] = "13800138000"
    example["source"] = "13800138000\n"

    with pytest.raises(MalformedRecord) as caught:
        cloudevents.decode(record()[0], json.dumps(example).encode())

    assert "lines.1.quantity (int_type)" in caught.value.detail
    assert "source (string_pattern_mismatch)" in caught.value.detail
    assert "13800138000" not in str(caught.value)


NAMES = st.sampled_from([name for name, _ in record()[0]] + ["traceparent", "ce_dataschema", "x"]) | st.text(
    max_size=8
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def understood_or_malformed(headers: Headers, value: bytes | None) -> None:
    """The one claim about garbage: an envelope or MalformedRecord, with words of ours."""
    said: Envelope | MalformedRecord
    try:
        said = cloudevents.decode(headers, value)
    except MalformedRecord as refusal:
        said = refusal

    if isinstance(said, MalformedRecord):
        assert re.fullmatch(r"[a-z_]+", said.reason_code)
        assert said.detail.endswith(".")


@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=9), st.none() | st.binary(max_size=200))
def test_any_bytes_are_understood_or_malformed(headers: Headers, value: bytes | None) -> None:
    understood_or_malformed(headers, value)


@given(NAMES, st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_one_header_is_understood_or_malformed(name: str, value: bytes) -> None:
    understood_or_malformed(with_header(name, value), record()[1])


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.binary(max_size=8))
def test_any_damage_to_a_value_is_understood_or_malformed(at: int, length: int, instead: bytes) -> None:
    payload = record()[1]

    understood_or_malformed(record()[0], payload[:at] + instead + payload[at + length :])


@given(st.sampled_from(sorted(json.loads(record()[1]))), JSON)
def test_any_value_of_a_field_is_understood_or_malformed(name: str, value: Any) -> None:
    understood_or_malformed(record()[0], json.dumps({**json.loads(record()[1]), name: value}).encode())


@given(st.sampled_from([*json.loads(structured()), "data_base64", "traceparent", "x"]), JSON)
def test_any_member_of_a_structured_record_is_understood_or_malformed(name: str, value: Any) -> None:
    understood_or_malformed(
        [("content-type", b"application/cloudevents+json")],
        json.dumps({**json.loads(structured()), name: value}).encode(),
    )

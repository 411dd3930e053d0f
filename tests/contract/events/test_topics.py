"""Facts about the topics, and about the AsyncAPI documents that are generated from them."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.events import ALL, BY_TYPE, asyncapi, topics

SERVICES = ("profile", "loyalty", "feedback", "scoring")
OFFICIAL = Path(__file__).parents[2] / "data" / "asyncapi" / "asyncapi-3.0.0.json.gz"


def references(document: object) -> Iterator[str]:
    """All `$ref`s of a document."""
    if isinstance(document, Mapping):
        for word, value in document.items():
            if word == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


@pytest.fixture(scope="module")
def official() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(OFFICIAL.read_bytes())))


def test_every_event_is_in_the_topic_it_says_and_nowhere_else() -> None:
    listed = [(type_, name) for name, topic in topics.load().items() for type_ in topic.events]

    assert sorted(listed) == sorted((event.type, event.topic) for event in ALL)


@pytest.mark.parametrize("topic", topics.load().values(), ids=lambda topic: topic.name)
def test_a_topic_is_written_by_one_service_and_read_by_others(topic: topics.Topic) -> None:
    assert topic.producer in SERVICES
    assert set(topic.consumers) <= set(SERVICES) - {topic.producer}
    assert len(set(topic.consumers)) == len(topic.consumers) > 0
    assert {type_.partition(".")[0] for type_ in topic.events} == {topic.producer}
    assert topic.partitions == 12
    assert topic.retention_ms == -1


def test_the_topics_of_events_are_found_in_the_order_of_the_file() -> None:
    wanted = frozenset({"scoring.score_updated.v1", "profile.purchase_recorded.v1"})

    assert [topic.name for topic in topics.of_events(wanted)] == ["huitou.purchases", "huitou.scores"]


@pytest.mark.parametrize("service", [None, *SERVICES])
def test_a_document_is_asyncapi(service: str | None, official: jsonschema.Draft7Validator) -> None:
    document = json.loads(json.dumps(asyncapi.document(service)))

    assert [error.message for error in official.iter_errors(document)] == []


def test_the_official_schema_would_notice(official: jsonschema.Draft7Validator) -> None:
    document = asyncapi.document()
    next(iter(document["operations"].values()))["action"] = "shout"

    assert list(official.iter_errors(document))


@pytest.mark.parametrize("service", [None, *SERVICES])
def test_every_reference_leads_somewhere(service: str | None) -> None:
    document = asyncapi.document(service)
    found = list(references(document))

    assert found
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_whole_document_has_every_event_and_every_side() -> None:
    document = asyncapi.document()

    assert set(document["components"]["messages"]) == set(BY_TYPE)
    sides = sum(1 + len(topic.consumers) for topic in topics.load().values())
    assert len(document["operations"]) == sides


def test_a_service_sees_what_it_sends_and_receives_and_nothing_else() -> None:
    document = asyncapi.document("loyalty")

    assert set(document["channels"]) == {"purchases", "customers", "points", "feedback", "scores"}
    assert document["operations"]["loyalty_sends_points"]["action"] == "send"
    assert document["operations"]["loyalty_receives_purchases"]["action"] == "receive"
    assert all(name.startswith("loyalty_") for name in document["operations"])

"""Facts about the topics, and about the AsyncAPI documents that are generated from them."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from shared.events import (
    ALL,
    BY_TYPE,
    TOPICS,
    asyncapi,
    events_of,
    feedback,
    loyalty,
    profile,
    published_by,
    scoring,
)
from shared.events.base import Event
from shared.events.topic import Topic

SERVICES = ("profile", "loyalty", "feedback", "scoring")
FAMILIES = (profile, loyalty, feedback, scoring)
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


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_family_lists_every_event_that_it_declares(family: ModuleType) -> None:
    declared = [
        declaration
        for declaration in vars(family).values()
        if isinstance(declaration, type) and issubclass(declaration, Event) and "type" in vars(declaration)
    ]

    assert list(family.EVENTS) == declared


def test_every_event_is_carried_by_one_topic() -> None:
    carried = [event for topic in TOPICS.values() for event in events_of(topic)]

    assert carried == list(ALL)
    assert len(TOPICS) == len({event.topic for event in ALL}), "two topics have one name"


def test_every_event_is_published_by_the_service_that_its_type_names() -> None:
    published = [(service, event.type) for service in SERVICES for event in published_by(service)]

    assert published == [(event.type.partition(".")[0], event.type) for event in ALL]


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_a_topic_is_written_by_one_service_and_read_by_others(topic: Topic) -> None:
    assert re.fullmatch(r"huitou\.[a-z_.]+", topic.name)
    assert topic.about.endswith(".")
    assert topic.producer in SERVICES
    assert set(topic.consumers) <= set(SERVICES) - {topic.producer}
    assert len(set(topic.consumers)) == len(topic.consumers) > 0
    assert {event.type.partition(".")[0] for event in events_of(topic)} == {topic.producer}
    assert topic.partitions == 12
    assert topic.retention_ms == -1


def test_a_retention_is_given_in_days_and_told_to_the_broker_in_milliseconds() -> None:
    week = Topic(
        name="huitou.week", about="A week.", producer="profile", consumers=("loyalty",), retention_days=7
    )

    assert week.retention_ms == 604_800_000


def test_the_topics_stand_in_the_order_of_the_families() -> None:
    assert list(TOPICS) == [
        "huitou.purchases",
        "huitou.customers",
        "huitou.access",
        "huitou.points",
        "huitou.feedback",
        "huitou.scores",
    ]


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
    sides = sum(1 + len(topic.consumers) for topic in TOPICS.values())
    assert len(document["operations"]) == sides


def test_a_service_sees_what_it_sends_and_receives_and_nothing_else() -> None:
    document = asyncapi.document("loyalty")

    assert set(document["channels"]) == {"access", "purchases", "customers", "points", "feedback", "scores"}
    assert document["operations"]["loyalty_sends_points"]["action"] == "send"
    assert document["operations"]["loyalty_receives_purchases"]["action"] == "receive"
    assert all(name.startswith("loyalty_") for name in document["operations"])

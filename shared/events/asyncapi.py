"""AsyncAPI 3.0 documents, generated from the contracts: one for the whole platform, and one per service."""

from typing import Any

from shared.events import ALL, BY_TYPE, TOPICS, events_of, schema
from shared.events.base import Event
from shared.events.topic import Topic

VERSION = "3.0.0"
PART = "#/components/schemas/{model}"

Document = dict[str, Any]


def document(service: str | None = None, *, version: str = "1") -> Document:
    """Describe what all services, or the given service, send and receive over the bus.

    `service` is profile, loyalty, feedback or scoring; `version` is the version of the product.
    """
    topics = [topic for topic in TOPICS.values() if service in (None, topic.producer, *topic.consumers)]
    events = [event for event in ALL if event.topic in topics]
    return {
        "asyncapi": VERSION,
        "info": {
            "title": f"Huitou {service}" if service else "Huitou",
            "version": version,
            "description": "Facts that the services of Huitou publish for each other, as CloudEvents 1.0 in binary mode. "
            "No personal data: ids, integers, codes and instants. Consumers skip types and fields they do not know.",
        },
        "defaultContentType": "application/json",
        "channels": {_short(topic): _channel(topic) for topic in topics},
        "operations": {
            name: operation for topic in topics for name, operation in _operations(topic, service).items()
        },
        "components": {
            "messages": {event.type: _message(event) for event in events},
            "messageTraits": {"cloudevent": {"headers": _headers()}},
            "schemas": _parts(events),
        },
    }


def _short(topic: Topic) -> str:
    return topic.name.removeprefix("huitou.")


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {
            event.type: {"$ref": f"#/components/messages/{event.type}"} for event in events_of(topic)
        },
        "bindings": {
            "kafka": {
                "bindingVersion": "0.5.0",
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
            }
        },
    }


def _operations(topic: Topic, service: str | None) -> dict[str, Document]:
    """Describe one operation per service that writes or reads the topic, or only those of the given service."""
    sides = [(topic.producer, "send"), *((consumer, "receive") for consumer in topic.consumers)]
    return {
        f"{name}_{action}s_{_short(topic)}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{_short(topic)}"},
            "title": f"{name} {action}s {topic.name}",
            "summary": topic.about,
            "messages": [
                {"$ref": f"#/channels/{_short(topic)}/messages/{event.type}"} for event in events_of(topic)
            ],
        }
        for name, action in sides
        if service in (None, name)
    }


def _message(event: type[Event]) -> Document:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip(),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"$ref": PART.format(model=event.__name__)},
        "bindings": {
            "kafka": {"bindingVersion": "0.5.0", "key": {"type": "string", "description": event.key_words}}
        },
        "examples": [
            {"name": name.removesuffix(".json"), "payload": payload}
            for name, payload in schema.examples(event).items()
        ],
    }


def _headers() -> Document:
    """Describe the CloudEvents attributes, as the Kafka binding writes them in binary mode."""
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {
                "type": "string",
                "format": "uuid",
                "description": "Id of the event. A repeated delivery has the same id.",
            },
            "ce_source": {
                "type": "string",
                "format": "uri-reference",
                "description": "The publishing service.",
            },
            "ce_type": {"type": "string", "enum": sorted(BY_TYPE)},
            "ce_time": {"type": "string", "format": "date-time", "description": "occurred_at of the event."},
            "ce_subject": {
                "type": "string",
                "description": "The key of the record: the `identity_id` of most events.",
            },
            "content-type": {"type": "string", "const": "application/json"},
            "traceparent": {
                "type": "string",
                "description": "W3C trace context of the request that caused the event, if it had one.",
            },
        },
    }


def _parts(events: list[type[Event]]) -> dict[str, Document]:
    """Return the schemas of the events and of their parts by name."""
    parts: dict[str, Document] = {}
    for event in events:
        body = schema.generate(event, ref_template=PART)
        for name, part in {**body.pop("$defs", {}), event.__name__: body}.items():
            part.pop("$schema", None)
            part.pop("$id", None)
            assert parts.setdefault(name, part) == part, f"two different parts are called {name}"
    return dict(sorted(parts.items()))

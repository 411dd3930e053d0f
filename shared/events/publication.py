"""The freeze: for each event, the schema and the examples as they were published; committed, never edited by hand.

`python -m shared.events publish` freezes what is there, and refuses what would break a published version. So a fresh
clone without history still knows what the world has been promised.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from shared.events import ALL, BY_TYPE, compatibility, schema
from shared.events.base import Event

FOLDER = schema.FOLDER / "published"


def promised() -> dict[str, dict[str, Any]]:
    """What has been published, by event type: `schema` and `examples` (name to SHA-256)."""
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))}


def broken() -> list[str]:
    """Every promise that the models and examples of today do not keep, a sentence each."""
    return [sentence for type_, promise in promised().items() for sentence in _broken(type_, promise)]


def publish() -> None:
    """Freezes today's schemas and examples. Raises ValueError with all that would be broken."""
    if sentences := broken():
        raise ValueError("; ".join(sentences))
    FOLDER.mkdir(exist_ok=True)
    for event in ALL:
        promise = {"schema": schema.generate(event), "examples": digests(event)}
        (FOLDER / f"{event.type}.json").write_text(schema.text(promise), encoding="utf-8")


def digests(event: type[Event]) -> dict[str, str]:
    """The committed examples of an event, name to SHA-256 of the file."""
    files = sorted((schema.EXAMPLES / event.type).glob("*.json"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _broken(type_: str, promise: dict[str, Any]) -> Iterator[str]:
    if type_ not in BY_TYPE:
        yield f"{type_}: the event was taken away"
        return
    event = BY_TYPE[type_]
    for sentence in compatibility.breaks(promise["schema"], schema.generate(event)):
        yield f"{type_} {sentence}"
    today = digests(event)
    for name, digest in promise["examples"].items():
        if today.get(name) != digest:
            yield f"{type_} example {name}: it was {'changed' if name in today else 'deleted'}"

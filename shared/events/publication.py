"""The committed promises of the contracts, and the check that the models of today keep them.

Two things are committed for this check: the schema of each event (`schemas/<type>.json`), and the digest of each example
(`examples/SHA256SUMS`). `make contracts` writes both, but only if nothing that stands there would be broken. So a clone
without history still knows what was promised to the readers of an event.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from shared.events import ALL, BY_TYPE, compatibility, schema

Schemas = Mapping[str, Mapping[str, Any]]
Digests = Mapping[str, str]


def promised_schemas() -> Schemas:
    """Return the committed schema of each event by its type."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(schema.SCHEMAS.glob("*.json"))
    }


def promised_digests() -> Digests:
    """Return the committed SHA-256 digest of each example by its path below the folder of examples."""
    if not schema.DIGESTS.is_file():
        return {}
    lines = schema.DIGESTS.read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def digests() -> Digests:
    """Return the SHA-256 digest of each example that exists now, by its path below the folder of examples."""
    files = [file for event in ALL for file in sorted((schema.EXAMPLES / event.type).glob("*.json"))]
    return {
        file.relative_to(schema.EXAMPLES).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
    }


def digests_text() -> str:
    """Return the text of the digests file, in the format of `sha256sum`."""
    return "".join(f"{digest}  {path}\n" for path, digest in digests().items())


def broken() -> list[str]:
    """Return one sentence for every promise that the models and examples of today do not keep."""
    return [*broken_schemas(promised_schemas()), *broken_examples(promised_digests())]


def broken_schemas(schemas: Schemas) -> Iterator[str]:
    """Yield one sentence for every promise of a published schema that the model of today does not keep."""
    for type_, promise in schemas.items():
        if type_ not in BY_TYPE:
            yield f"{type_}: the event was taken away"
            continue
        for sentence in compatibility.breaks(promise, schema.generate(BY_TYPE[type_])):
            yield f"{type_} {sentence}"


def broken_examples(promises: Digests) -> Iterator[str]:
    """Yield one sentence for every published example that was changed or deleted."""
    today = digests()
    for path, digest in promises.items():
        if path not in today:
            yield f"example {path}: it was deleted"
        elif today[path] != digest:
            yield f"example {path}: it was changed"

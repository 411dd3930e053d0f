"""The committed files of the contracts: one JSON Schema per event, and its examples."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from shared.events.base import Event

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
EXAMPLES = FOLDER / "examples"
DIGESTS = EXAMPLES / "SHA256SUMS"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _UntitledFields(GenerateJsonSchema):
    """Generate a schema whose fields have no title, because a title would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def generate(event: type[Event], *, ref_template: str = "#/$defs/{model}") -> JsonSchemaValue:
    """Return the JSON Schema of an event; its keys have the same order every time."""
    body = event.model_json_schema(schema_generator=_UntitledFields, ref_template=ref_template)
    return {"$schema": DIALECT, "$id": f"urn:huitou:event:{event.type}", **body}


def text(document: Mapping[str, Any]) -> str:
    """Return JSON as it is committed: indented, with readable characters and a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def path(event: type[Event]) -> Path:
    """Return the path of the committed schema of an event."""
    return SCHEMAS / f"{event.type}.json"


def examples(event: type[Event]) -> dict[str, dict[str, Any]]:
    """Return the committed examples of an event by file name; the longest file comes last."""
    files = sorted((EXAMPLES / event.type).glob("*.json"), key=lambda file: (file.stat().st_size, file.name))
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}

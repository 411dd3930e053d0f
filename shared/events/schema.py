"""The committed face of the contracts: one JSON Schema an event and its examples, as files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from shared.events.base import Event

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
EXAMPLES = FOLDER / "examples"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Quiet(GenerateJsonSchema):
    """Without a title for every field: it says nothing that the name does not say."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def generate(event: type[Event], *, ref_template: str = "#/$defs/{model}") -> JsonSchemaValue:
    """The JSON Schema of an event, in the same order every time."""
    body = event.model_json_schema(schema_generator=_Quiet, ref_template=ref_template)
    return {"$schema": DIALECT, "$id": f"urn:huitou:event:{event.type}", **body}


def text(document: Mapping[str, Any]) -> str:
    """JSON as it is committed: indented, readable characters, a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def path(event: type[Event]) -> Path:
    """Where the schema of an event is committed."""
    return SCHEMAS / f"{event.type}.json"


def examples(event: type[Event]) -> dict[str, dict[str, Any]]:
    """The committed examples of an event by file name, the fullest last."""
    files = sorted((EXAMPLES / event.type).glob("*.json"), key=lambda file: (file.stat().st_size, file.name))
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}

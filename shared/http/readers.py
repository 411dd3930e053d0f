"""The readers of a text: declared once beside the field of the answer, and kept by its serialisation.

    reason: Annotated[str | None, ReadBy("operator")] = Field(description="Why the points were corrected.")

A caller of another kind gets null, or an empty text where the field cannot be null. A text of an answer without such a declaration fails a test, so nobody publishes a
text by forgetting to think of its readers.
"""

from contextvars import ContextVar
from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.auth.principal import SubjectKind

READER: ContextVar[SubjectKind | None] = ContextVar("huitou.reader", default=None)
"""The kind of subject that the current request is answered for; None: nobody that is known, who reads no such text."""


class ReadBy:
    """A mark for a text of an answer: the kinds of subject that may read it. Nobody else gets it.

    A route narrows it further where the row decides, for example to the reasons that customers gave themselves.
    """

    def __init__(self, *kinds: SubjectKind) -> None:
        assert kinds, "a text that nobody reads is not answered"
        self.kinds = frozenset(kinds)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the text, serialised for its readers only."""
        text = core_schema.str_schema()
        serialised = core_schema.plain_serializer_function_ser_schema(
            self._shown if source is str else self._shown_or_null,
            return_schema=text if source is str else core_schema.nullable_schema(text),
        )
        return cast(CoreSchema, {**handler(source), "serialization": serialised})

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of the text, with the readers as an extension of the document."""
        return {**handler(schema), "x-read-by": sorted(self.kinds)}

    def _shown(self, text: str) -> str:
        return text if READER.get() in self.kinds else ""

    def _shown_or_null(self, text: str | None) -> str | None:
        return text if READER.get() in self.kinds else None


EVERYBODY = ReadBy("operator", "partner", "customer")
OPERATORS_ONLY = ReadBy("operator")

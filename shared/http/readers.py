"""The readers of a text: declared once beside the field of the answer, and kept by its serialisation.

    reason: Annotated[str | None, ReadBy("operator")] = Field(description="Why the points were corrected.")

A caller of another kind gets null, or an empty text where the field cannot be null. A text of an answer without such a declaration fails a test, so nobody publishes a
text by forgetting to think of its readers.

An identifier or a name is declared with a mask (`IDENTIFIER`, `PERSON`, `ACTOR`). Operators whose roles do not see persons, the
viewers and analysts, get it masked. Where another operator gets it as it is, the request leaves a row in the audit trail.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.auth.principal import ROLES, SEES_PERSONS, SubjectKind
from shared.http import masks

READER: ContextVar[SubjectKind | None] = ContextVar("huitou.reader", default=None)
"""The kind of subject that the current request is answered for; None: nobody that is known, who reads no such text."""


@dataclass(slots=True)
class Sight:
    """How persons are shown in the answer to one request, and whether one was shown."""

    masked: bool
    """Whether identifiers and names are masked in this answer."""
    saw_person: bool = False
    """Whether an identifier or a name of a customer stands in this answer as it is."""


SIGHT: ContextVar[Sight | None] = ContextVar("huitou.sight", default=None)
"""The sight of the caller of the current request; None: nobody that is known, for whom everything is masked."""
MASKED_FOR = sorted(ROLES - SEES_PERSONS)
"""The roles that alone do not see persons."""


class ReadBy:
    """A mark for a text of an answer: the kinds of subject that may read it. Nobody else gets it.

    A route narrows it further where the row decides, for example to the reasons that customers gave themselves.
    With `mask` the text names a person, and is masked for operators whose roles do not see persons.
    With `customers` that person is a customer, and reading it unmasked is written to the audit trail.
    """

    def __init__(
        self, *kinds: SubjectKind, mask: Callable[[str], str] | None = None, customers: bool = False
    ) -> None:
        assert kinds, "a text that nobody reads is not answered"
        self.kinds, self.mask, self._customers = frozenset(kinds), mask, customers

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
        shown = {**handler(schema), "x-read-by": sorted(self.kinds)}
        return shown if self.mask is None else {**shown, "x-masked-for": MASKED_FOR}

    def _shown(self, text: str) -> str:
        return self._seen(text) if READER.get() in self.kinds else ""

    def _shown_or_null(self, text: str | None) -> str | None:
        return self._seen(text) if text is not None and READER.get() in self.kinds else None

    def _seen(self, text: str) -> str:
        """Return the text as this caller sees it."""
        if self.mask is None:
            return text
        sight = SIGHT.get()
        if sight is None or sight.masked:
            return self.mask(text)
        sight.saw_person |= self._customers
        return text


EVERYBODY = ReadBy("operator", "partner", "customer")
OPERATORS_ONLY = ReadBy("operator")
"""The readers of texts that people write, and of sentences and codes of ours."""
IDENTIFIER = ReadBy("operator", "partner", "customer", mask=masks.identifier, customers=True)
"""The mark of a phone number, an e-mail address or a merchant's id of a customer."""
PERSON = ReadBy("operator", "partner", "customer", mask=masks.name, customers=True)
"""The mark of a customer's name."""
ACTOR = ReadBy("operator", mask=masks.actor)
"""The mark of the one who did something, most often the login of an operator."""
RAW = ReadBy("operator", mask=masks.everything, customers=True)
"""The mark of content that came from elsewhere and may hold anything."""

"""Base classes and types of request and response models. Requests are validated strictly, responses are not validated."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Self, TypeVar, cast

from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.catalogues import Sentence, field_sentence
from shared.events import base
from shared.http import shapes
from shared.http.effort import within_effort
from shared.limits import LINE_AMOUNT_MAX, ORDER_ID_MAX, PAGE_ITEMS_MAX, QUANTITY_MAX, SOURCE_MAX
from shared.money import CURRENCIES
from shared.spelling import VISIBLE_CODE, VISIBLE_TEXT, addresses_a_person, spelled

T = TypeVar("T")

LIMIT_DEFAULT = 50
WORD_MAX = 200
TEXT_MAX = 20_000
NOT_BLANK = r"\S"
"""A text with at least one character that can be seen."""
CURSOR_MIN, CURSOR_MAX = 24, 1_000
"""The characters of a cursor: a signature of 16 bytes and a position of at least 2, in base64."""

_RFC_3339 = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:(?<=\.\d{6})\d+)?(?P<zone>[Zz]|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_INSTANT_INVALID = field_sentence(__name__, "instant_invalid")
_INSTANT_IMPOSSIBLE = field_sentence(__name__, "instant_impossible", code="instant_invalid")
_NAIVE_TIME = field_sentence(__name__, "naive_time")
_DATE_INVALID = field_sentence(__name__, "date_invalid")
_BLANK = field_sentence(__name__, "blank")
_PERSONAL = field_sentence(__name__, "personal_data")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Request(BaseModel):
    """A request body. Unknown fields are refused. Texts, booleans and fractions are not accepted as integers.

    Mark enums with `Choice`, because strict mode accepts no text for an enum. Use `InstantIn` and `DateIn` for times.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _within_effort(cls, value: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Stop where the validation of the body has found enough errors."""
        return cast(Self, within_effort(value, validate))


class Response(BaseModel):
    """A response body. The route builds it, and it is serialised without a second validation.

    Every field is in every answer, so that the document calls each of them required, also those with a default.
    """

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Page(Response, Generic[T]):
    """One page of a list, and the cursor of the next one."""

    items: list[T]
    next_cursor: str | None = Field(
        description="Send it as `cursor`, with the same filters, to read on; null on the last page.",
        examples=[None],
    )


def refused(sentence: Sentence) -> PydanticCustomError:
    """Return the error that a validator of a model raises: a stable code and the sentence in English and Chinese."""
    context = {"code": sentence.code, "en": sentence.en, "zh": sentence.zh}
    return PydanticCustomError("refused", "{en}", context)


def _instant(value: object) -> object:
    """Turn an RFC 3339 text into an aware UTC instant. Refuse anything else; a time without offset has its own code.

    Instants are kept to the microsecond: further digits are cut off.
    """
    if isinstance(value, datetime):
        return value
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise refused(_INSTANT_INVALID)
    if match["zone"] is None:
        raise refused(_NAIVE_TIME)
    return _parsed(match["time"] + match["zone"])


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise refused(_INSTANT_IMPOSSIBLE) from None


def _date(value: object) -> object:
    """Turn an ISO 8601 text `YYYY-MM-DD` into a date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise refused(_DATE_INVALID)


def _aware(value: datetime) -> datetime:
    assert value.tzinfo is not None, "an instant built by us is aware"
    return value


InstantIn = Annotated[datetime, BeforeValidator(_instant), AfterValidator(_aware)]
"""An instant from a caller: RFC 3339 with an offset. It becomes aware UTC, to the microsecond. Without an offset it is 422 `naive_time`.

It shows no example: what is refused in the past or in the future differs from field to field.
"""

DateIn = Annotated[date, BeforeValidator(_date), Field(examples=["2026-03-01"])]
"""A day from a caller, `YYYY-MM-DD`."""


def _seen(value: str) -> str:
    """Refuse a text in which there is nothing to see: white space, or characters without width."""
    if not spelled(value):
        raise refused(_BLANK)
    return value


def _spelled(value: object) -> object:
    """Bring a text into its only spelling. Refuse one of which nothing is left, and one that addresses a person."""
    if not isinstance(value, str):
        return value
    code = spelled(value)
    if not code:
        raise refused(_BLANK)
    if addresses_a_person(code):
        raise refused(_PERSONAL)
    return code


Spelled = BeforeValidator(_spelled)
"""A mark for an id or code of the merchant's: it is brought into its only spelling before its length is looked at."""
CODE = shapes.pattern(VISIBLE_CODE)
"""A mark beside `Spelled`: the document shows the shape of such an id or code."""

Source = Annotated[base.Source, Spelled, CODE]
OrderId = Annotated[base.OrderId, Spelled, CODE]
Channel = Annotated[base.Channel, Spelled, CODE]
Store = Annotated[base.Store, Spelled, CODE]
Sku = Annotated[base.Sku, Spelled, CODE]
Category = Annotated[base.Category, Spelled, CODE]
Brand = Annotated[base.Brand, Spelled, CODE]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
"""The units of a line."""
LineAmount = Annotated[
    int, Field(ge=0, le=LINE_AMOUNT_MAX, description="Of the whole line, after discounts, in minor units.")
]
"""Ids and codes of the merchant's, as a request gives them; events hold them in their only spelling."""

UpdatedSince = Annotated[
    InstantIn | None,
    Query(
        description="Only what was changed at this instant or later. To keep a copy, read with `sort=updated_at`, and the next time "
        "from a minute before your last reading: a change that is still being written is told late, and some are told twice."
    ),
]
"""The filter of lists of things that change."""

SourceFilter = Annotated[
    str | None, Spelled, CODE, Query(max_length=SOURCE_MAX, description="Only what came from this system.")
]
OrderIdFilter = Annotated[
    str | None, Spelled, CODE, Query(max_length=ORDER_ID_MAX, description="Only what belongs to this order.")
]
"""Ids of the merchant's that choose among the rows of a list."""
DryRun = Annotated[
    bool, Query(description="Try everything and keep nothing: the answers are those that the run would give.")
]
"""Whether a request only asks what would happen."""


_VISIBLE = shapes.pattern(VISIBLE_TEXT)
Word = Annotated[
    str, Field(min_length=1, max_length=WORD_MAX, pattern=NOT_BLANK), AfterValidator(_seen), _VISIBLE
]
"""A short text: a name, a reference, a code."""

LongText = Annotated[
    str, Field(min_length=1, max_length=TEXT_MAX, pattern=NOT_BLANK), AfterValidator(_seen), _VISIBLE
]
"""A text that a person wrote."""

CurrencyIn = Annotated[
    str,
    Field(pattern="^[A-Z]{3}$", examples=["CNY"], description="A code of ISO 4217."),
    shapes.pattern(f"^({'|'.join(sorted(CURRENCIES))})$"),
]
"""A text in the form of an ISO 4217 code. `shared.money` decides whether the currency exists."""

Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX, description=f"Items a page, 1 to {PAGE_ITEMS_MAX}.")]
"""The page size; write `limit: Limit = LIMIT_DEFAULT`."""

Cursor = Annotated[
    str | None,
    shapes.Shown({"pattern": r"^[A-Za-z0-9_-]+$", "minLength": CURSOR_MIN}),
    Query(max_length=CURSOR_MAX, description="`next_cursor` of the page before; leave it out for the first."),
]
"""The cursor of the page; write `cursor: Cursor = None`."""


Address = Annotated[str, Field(json_schema_extra={"x-address": True})]
"""An address in an answer: a path of the same service, marked `x-address` in the document.

The console puts the service's name before it, as before a `Location`.
"""

ProblemDocument = Annotated[dict[str, object], WithJsonSchema({"$ref": "#/components/schemas/Problem"})]
"""A problem document inside an answer, such as that of one item of a batch."""

Choice = Strict(False)
"""A mark for an enum in a request: `Annotated[RemedyKind, Choice]`. A strict model then accepts its values as text.

Responses and query parameters need no mark. The OpenAPI document has each enum once, as a component with its own description.
"""

Member = TypeVar("Member", bound=StrEnum)


def member_of(choices: type[Member], value: str | None) -> Member | None:
    """Return the member of an enum with this value; None for None. Raises ValueError if there is no such member."""
    return None if value is None else choices(value)


def example(shape: Mapping[str, Any] | None = None, /, **fields: Any) -> ConfigDict:
    """Return the `model_config` of a model that shows its own example: `model_config = example(points=100, …)`.

    `shape` are members of the schema that the model's validator asks for (`shared.http.shapes`).
    """
    return ConfigDict(json_schema_extra={"example": fields, **(shape or {})})

"""Validate a body with bounded effort.

Validation stops after ERRORS_MAX errors: else a body of 2 MB makes 1.5 million of them. A long batch is validated item by
item, and other requests are answered in between.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from shared.limits import BATCH_ITEMS_MAX, ERRORS_MAX
from shared.pacing import paced

STOPPED = "validation_stopped"
"""The type of the error of a value that was not looked at."""


@dataclass(slots=True)
class Effort:
    """The errors that one validation may still find: one more than are shown. It may exceed them by those of one object."""

    errors_left: int = ERRORS_MAX + 1


_effort: ContextVar[Effort | None] = ContextVar("effort", default=None)


@contextmanager
def bounded() -> Iterator[Effort]:
    """Bound the errors of the models that are validated inside."""
    effort = Effort()
    token = _effort.set(effort)
    try:
        yield effort
    finally:
        _effort.reset(token)


def within_effort(value: Any, validate: Any) -> Any:
    """Validate one model, unless the errors are used up. The errors of the models inside it are counted once."""
    effort = _effort.get()
    if effort is None:
        return validate(value)
    errors_left = effort.errors_left
    if errors_left <= 0:
        raise PydanticCustomError(STOPPED, "not looked at")
    try:
        return validate(value)
    except ValidationError as error:
        effort.errors_left = errors_left - error.error_count()
        raise


async def with_items_validated(document: Mapping[str, object], model: object) -> dict[str, object]:
    """Return the document of a body with the items of its lists validated, as far as they have no errors.

    Items with errors stay as they are, and the list ends where the errors are used up. So the validation of the whole body,
    which comes next, finds the same errors as without this, and finds no others.
    """
    lists = {
        name: await _validated(items, adapter)
        for name, adapter in _lists_of(model)
        if isinstance(items := document.get(name), list) and len(items) <= BATCH_ITEMS_MAX
    }
    return {**document, **lists}


async def _validated(items: list[object], adapter: TypeAdapter[Any]) -> list[object]:
    validated: list[object] = []
    with bounded() as effort:
        async for item in paced(items):
            try:
                validated.append(adapter.validate_python(item))
            except ValidationError:
                validated.append(item)
                if effort.errors_left <= 0:
                    break
    return validated


@cache
def _lists_of(model: object) -> tuple[tuple[str, TypeAdapter[Any]], ...]:
    """Return the fields of a model that are lists of models, each with the adapter of its items."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ()
    return tuple(
        (field.alias or name, TypeAdapter(item))
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is list
        for item in get_args(field.annotation)
        if isinstance(item, type) and issubclass(item, BaseModel)
    )

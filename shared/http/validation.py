"""Turn pydantic's errors into field errors, with pointers into the body that was sent, and without any value of it."""

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from shared.catalogues import field_sentence
from shared.errors import FieldError
from shared.http.effort import STOPPED
from shared.limits import ERRORS_MAX

NAME_CHARACTERS_MAX = 64
PLACES = ("query", "path", "header", "cookie")

_CODES = {
    "missing": "missing",
    "int_type": "not_an_integer",
    "int_parsing": "not_an_integer",
    "int_from_float": "not_an_integer",
    "int_parsing_size": "too_large",
    "float_type": "not_a_number",
    "finite_number": "not_a_number",
    "bool_type": "not_a_boolean",
    "bool_parsing": "not_a_boolean",
    "string_type": "not_a_text",
    "string_unicode": "not_a_text",
    "string_pattern_mismatch": "wrong_shape",
    "list_type": "not_a_list",
    "tuple_type": "not_a_list",
    "dict_type": "not_an_object",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "none_required": "not_null",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_few",
    "too_long": "too_many",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "multiple_of": "wrong_step",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "union_tag_invalid": "not_allowed",
    "union_tag_not_found": "missing",
}
"""Our code for each type of pydantic's errors. The catalogue has the sentence under pydantic's type."""
_INSTANTS = {
    "timezone_aware": "naive_time",
    "datetime_type": "instant_invalid",
    "datetime_parsing": "instant_invalid",
    "datetime_from_date_parsing": "instant_invalid",
}
"""The same for instants that pydantic itself reads: the catalogue has the sentence under our code."""
_SENTENCES = {kind: field_sentence(__name__, kind, code=code) for kind, code in _CODES.items()} | {
    kind: field_sentence(__name__, code) for kind, code in _INSTANTS.items()
}
_OF_LISTS = ("too_short", "too_long")
"""Pydantic gives these types to errors of lists, and of texts whose limit comes after a validator in the annotation."""
_BETWEEN_CHOICES = re.compile(r", | or ")
_GENERIC = field_sentence(__name__, "invalid")
_UNKNOWN_NAME = field_sentence(__name__, "unknown_name")
_UNKNOWN_NAME_CLOSE = field_sentence(__name__, "unknown_name_close")


def field_errors(faults: Iterable[Mapping[str, Any]], body: object, model: object) -> list[FieldError]:
    """Return a field error for each of pydantic's, at most one more than may be shown. `model` is the body's annotation."""
    errors: dict[tuple[str, str], FieldError] = {}
    for error in faults:
        if error["type"] == STOPPED:
            continue
        for made in _missing_fields(error, model) or [_field_error(error, body, model)]:
            errors.setdefault((made.pointer, made.code), made)
        if len(errors) > ERRORS_MAX:
            break
    return list(errors.values())


def unknown_parameters(given: Iterable[str], known: frozenset[str]) -> list[FieldError]:
    """Return a field error for each query parameter that the operation does not have, at most one more than may be shown."""
    unknown = [name for name in given if name not in known][: ERRORS_MAX + 1]
    return [_unknown(pointer(("query", name)), name, known) for name in unknown]


def unknown_operation(value: str, known: Iterable[str]) -> FieldError:
    """Return the field error of the parameter `operation`, which names no operation of these."""
    return replace(_unknown(pointer(("query", "operation")), value, known), code="not_allowed")


def pointer(parts: Sequence[str | int]) -> str:
    """Return the RFC 6901 JSON pointer of a path."""
    return "".join(
        "/" + str(part)[:NAME_CHARACTERS_MAX].replace("~", "~0").replace("/", "~1") for part in parts
    )


def _field_error(error: Mapping[str, Any], body: object, model: object) -> FieldError:
    place, *rest = error["loc"]
    kind, context = error["type"], error.get("ctx") or {}
    if kind in _OF_LISTS and isinstance(error["input"], str):
        kind = f"string_{kind}"
    if place in PLACES:
        where = pointer((place, *rest))
    else:
        rest = _existing(rest, body)
        where = pointer(rest)
    if kind == "extra_forbidden":
        return _unknown(where, str(rest[-1]), _known_names(model, rest[:-1]))
    if kind == "refused":
        return FieldError(where, context["code"], context["en"], context["zh"])
    sentence = _SENTENCES.get(kind, _GENERIC)
    told = sentence.filled(**{**context, **_choices(context)})
    return FieldError(where, told.code, told.en, told.zh)


def _missing_fields(error: Mapping[str, Any], model: object) -> list[FieldError]:
    """Return an error for each field that a body which was not sent should have; none if the body is no object, or another thing is wrong."""
    if error["type"] != "missing" or tuple(error["loc"]) != ("body",):
        return []
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    required = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    return [FieldError.of(pointer([name]), _SENTENCES["missing"]) for name in required]


def _choices(context: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the values that are allowed, without the English `or` and the quotes that pydantic writes between them."""
    return {
        name: [choice.strip("'") for choice in _BETWEEN_CHOICES.split(context[name])]
        for name in ("expected", "expected_tags")
        if name in context
    }


def _unknown(where: str, name: str, known: Iterable[str]) -> FieldError:
    close = difflib.get_close_matches(name[:NAME_CHARACTERS_MAX], sorted(known), n=1, cutoff=0.6)
    sentence = _UNKNOWN_NAME_CLOSE.filled(close=close[0]) if close else _UNKNOWN_NAME
    code = "unknown_parameter" if where.startswith("/query/") else "unknown_field"
    return FieldError(where, code, sentence.en, sentence.zh)


def _existing(loc: Sequence[str | int], body: object) -> list[str | int]:
    """Return the steps of `loc` that the body really has, without the tags of unions that pydantic adds.

    The last step stays even if the body does not have it, because it is the missing field. A tag may be the name of a field as well,
    also of one that nobody knows: then the path that has more of `loc` is the one.
    """
    steps: list[str | int] = []
    here = body
    for position, step in enumerate(loc):
        if _has(here, step):
            rest = loc[position + 1 :]
            if rest and isinstance(here, dict) and step in here.values():
                as_tag, as_field = _existing(rest, here), [step, *_existing(rest, here[step])]
                return steps + (as_field if len(as_field) > len(as_tag) else as_tag)
            here = here[step]  # type: ignore[index]
            steps.append(step)
        elif position == len(loc) - 1 and isinstance(here, dict):
            steps.append(step)
    return steps


def _has(value: object, step: str | int) -> bool:
    """Return whether a JSON value has this member or this item."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _known_names(model: object, steps: Sequence[str | int]) -> set[str]:
    """Return the names of the fields that may stand at the place of `steps`, in all branches of unions."""
    here = _models(model)
    for step in steps:
        if isinstance(step, str):
            here = [
                inner
                for parent in here
                if (field := parent.model_fields.get(step)) is not None
                for inner in _models(field.annotation)
            ]
    return {field.alias or name for parent in here for name, field in parent.model_fields.items()}


def _models(annotation: object) -> list[type[BaseModel]]:
    """Return the models in an annotation: itself, the members of a union, or the items of a list."""
    if isinstance(annotation, TypeAliasType):
        return _models(annotation.__value__)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    origin = get_origin(annotation)
    inner = get_args(annotation)
    if origin is Annotated:
        inner = inner[:1]
    elif origin not in (Union, types.UnionType) and not (
        isinstance(origin, type) and issubclass(origin, Iterable)
    ):
        return []
    return [model for part in inner for model in _models(part)]

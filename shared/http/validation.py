"""What pydantic found wrong, as field errors: pointers that resolve in the body sent, and no value of it."""

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.errors import FieldError

ERRORS_MAX = 100
NAME_CHARACTERS_MAX = 64
PLACES = ("query", "path", "header", "cookie")

_GENERIC = ("invalid", "This value cannot be accepted here.", "该值不符合要求。")
_SENTENCES: dict[str, tuple[str, str, str]] = {
    "missing": ("missing", "This field is required.", "缺少必填字段。"),
    "int_type": (
        "not_an_integer",
        "Give an integer, without quotes or a fraction.",
        "请提供整数，不要加引号或小数。",
    ),
    "int_parsing": ("not_an_integer", "Give an integer.", "请提供整数。"),
    "int_from_float": ("not_an_integer", "Give an integer, without a fraction.", "请提供不带小数的整数。"),
    "int_parsing_size": ("too_large", "The number is too large.", "数值过大。"),
    "float_type": ("not_a_number", "Give a number.", "请提供数字。"),
    "finite_number": ("not_a_number", "Give a finite number.", "请提供有限的数字。"),
    "bool_type": ("not_a_boolean", "Give true or false.", "请提供 true 或 false。"),
    "bool_parsing": ("not_a_boolean", "Give true or false.", "请提供 true 或 false。"),
    "string_type": ("not_a_text", "Give a text, in quotes.", "请提供带引号的文本。"),
    "string_unicode": ("not_a_text", "The text has characters that do not exist.", "文本包含不存在的字符。"),
    "string_pattern_mismatch": (
        "wrong_shape",
        "The text must match the pattern `{pattern}`.",
        "文本须匹配 `{pattern}`。",
    ),
    "list_type": ("not_a_list", "Give a list.", "请提供列表。"),
    "tuple_type": ("not_a_list", "Give a list.", "请提供列表。"),
    "dict_type": ("not_an_object", "Give an object.", "请提供对象。"),
    "model_type": ("not_an_object", "Give an object.", "请提供对象。"),
    "model_attributes_type": ("not_an_object", "Give an object.", "请提供对象。"),
    "none_required": ("not_null", "Give null, or leave the field out.", "请传 null 或省略该字段。"),
    "string_too_short": (
        "too_short",
        "At least {min_length} characters are needed.",
        "至少需要 {min_length} 个字符。",
    ),
    "string_too_long": ("too_long", "{max_length} characters at most.", "最多 {max_length} 个字符。"),
    "too_short": ("too_few", "At least {min_length} items are needed.", "至少需要 {min_length} 项。"),
    "too_long": ("too_many", "{max_length} items at most.", "最多 {max_length} 项。"),
    "greater_than": ("too_small", "The number must be greater than {gt}.", "数值必须大于 {gt}。"),
    "greater_than_equal": ("too_small", "The number must be {ge} or more.", "数值必须不小于 {ge}。"),
    "less_than": ("too_large", "The number must be less than {lt}.", "数值必须小于 {lt}。"),
    "less_than_equal": ("too_large", "The number must be {le} or less.", "数值必须不大于 {le}。"),
    "multiple_of": (
        "wrong_step",
        "The number must be a multiple of {multiple_of}.",
        "数值必须是 {multiple_of} 的倍数。",
    ),
    "literal_error": ("not_allowed", "Allowed here: {expected}.", "允许的值：{expected}。"),
    "enum": ("not_allowed", "Allowed here: {expected}.", "允许的值：{expected}。"),
    "union_tag_invalid": ("not_allowed", "Allowed kinds: {expected_tags}.", "允许的类型：{expected_tags}。"),
    "union_tag_not_found": ("missing", "Say the kind of this object.", "请指明该对象的类型。"),
}


def field_errors(found: Iterable[Mapping[str, Any]], body: object, model: object) -> list[FieldError]:
    """One field error for each of pydantic's, at most ERRORS_MAX; `model` is the annotation of the body."""
    errors: dict[tuple[str, str], FieldError] = {}
    for error in found:
        made = _field_error(error, body, model)
        errors.setdefault((made.pointer, made.code), made)
        if len(errors) == ERRORS_MAX:
            break
    return list(errors.values())


def unknown_parameters(given: Iterable[str], known: frozenset[str]) -> list[FieldError]:
    """A field error for each query parameter that the operation does not have."""
    return [_unknown(pointer(("query", name)), name, known) for name in given if name not in known][
        :ERRORS_MAX
    ]


def pointer(parts: Sequence[str | int]) -> str:
    """An RFC 6901 JSON pointer."""
    return "".join(
        "/" + str(part)[:NAME_CHARACTERS_MAX].replace("~", "~0").replace("/", "~1") for part in parts
    )


def _field_error(error: Mapping[str, Any], body: object, model: object) -> FieldError:
    place, *rest = error["loc"]
    kind, context = error["type"], error.get("ctx") or {}
    if place in PLACES:
        where = pointer((place, *rest))
    else:
        rest = _existing(rest, body)
        where = pointer(rest)
    if kind == "extra_forbidden":
        return _unknown(where, str(rest[-1]), _known_names(model, rest[:-1]))
    if kind == "refused":
        return FieldError(where, context["code"], context["en"], context["zh"])
    code, en, zh = _SENTENCES.get(kind, _GENERIC)
    return FieldError(where, code, en.format_map(context), zh.format_map(context))


def _unknown(where: str, name: str, known: Iterable[str]) -> FieldError:
    close = difflib.get_close_matches(name[:NAME_CHARACTERS_MAX], sorted(known), n=1, cutoff=0.6)
    en = f"There is no such name here. Did you mean `{close[0]}`?" if close else "There is no such name here."
    zh = f"此处没有这个名称。您是否想用 `{close[0]}`？" if close else "此处没有这个名称。"
    code = "unknown_parameter" if where.startswith("/query/") else "unknown_field"
    return FieldError(where, code, en, zh)


def _existing(loc: Sequence[str | int], body: object) -> list[str | int]:
    """`loc` without what pydantic adds to it (tags of unions): only steps that the body sent really has.

    The last step stays: it is the field that is missing.
    """
    steps: list[str | int] = []
    here = body
    for position, step in enumerate(loc):
        if _has(here, step):
            here = here[step]  # type: ignore[index]
            steps.append(step)
        elif position == len(loc) - 1 and isinstance(here, dict):
            steps.append(step)
    return steps


def _has(value: object, step: str | int) -> bool:
    """Whether a JSON value has this member or this item."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _known_names(model: object, steps: Sequence[str | int]) -> set[str]:
    """The names of the fields that could stand where `steps` lead, under every branch of a union."""
    here = _models(model)
    for step in steps:
        if isinstance(step, str):
            here = [
                inner
                for one in here
                if (field := one.model_fields.get(step)) is not None
                for inner in _models(field.annotation)
            ]
    return {field.alias or name for one in here for name, field in one.model_fields.items()}


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models in an annotation: itself, the members of a union, the items of a list."""
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

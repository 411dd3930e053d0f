"""A choice: an enum of the domain in a request."""

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import ValidationError

from shared.http.models import Choice, Request, member_of


class Colour(StrEnum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Single(StrEnum):
    """The only possibility."""

    ONLY = "only"


class Paint(Request):
    colour: Annotated[Colour, Choice]
    second: Annotated[Colour, Choice] | None = None
    kind: Annotated[Single, Choice] = Single.ONLY


def test_a_strict_model_takes_a_choice_as_text() -> None:
    paint = Paint.model_validate({"colour": "red", "second": "blue"})
    assert (paint.colour, paint.second) == (Colour.RED, Colour.BLUE)


@pytest.mark.parametrize("value", ["green", "RED", 1, None])
def test_any_other_value_is_refused(value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Paint.model_validate({"colour": value})
    (error,) = refused.value.errors()
    assert (error["type"], error["ctx"]) == ("enum", {"expected": "'red' or 'blue'"})


def test_the_values_are_a_component_with_its_description() -> None:
    schema = Paint.model_json_schema()
    assert schema["properties"]["colour"] == {"$ref": "#/$defs/Colour"}
    assert schema["properties"]["kind"] == {"$ref": "#/$defs/Single", "default": "only"}
    assert schema["$defs"]["Colour"] == {
        "description": "A colour.",
        "enum": ["red", "blue"],
        "title": "Colour",
        "type": "string",
    }


def test_a_member_is_found_by_its_value() -> None:
    assert member_of(Colour, "red") is Colour.RED
    assert member_of(Colour, None) is None
    with pytest.raises(ValueError, match="green"):
        member_of(Colour, "green")

"""The numbers and texts of a body are those that its JSON schema describes, and a refusal of many errors is as long as its schema says."""

import re

import pytest

from shared.errors import FieldError
from shared.http import problems
from shared.http.bodies import parse
from shared.http.cursor import CursorInvalid
from shared.limits import ERRORS_MAX
from shared.spelling import VISIBLE_CODE, VISIBLE_TEXT, spelled


@pytest.mark.parametrize("text", ["5.0", "5e0", "0.5e1", "50E-1", "-5.00"])
def test_an_integer_with_a_point_or_an_exponent_is_an_integer(text: str) -> None:
    number = parse(text.encode())

    assert (type(number), number) == (int, float(text))


@pytest.mark.parametrize(
    "text", ["5.5", "9007199254740991.4", "9007199254740993.0", "1e16", "1e400", "0.1e-400", "-1e300"]
)
def test_what_a_float_does_not_hold_exactly_is_no_integer(text: str) -> None:
    assert type(parse(text.encode())) is float


def test_the_patterns_of_documents_refuse_exactly_the_characters_of_which_nothing_is_left() -> None:
    characters = [chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000]
    printed = [character for character in characters if not re.match(r"[\x00-\x1f\x7f-\x9f]", character)]
    for pattern in (VISIBLE_TEXT, VISIBLE_CODE):
        fits = re.compile(pattern).search
        assert [text for text in printed if bool(fits(text)) != bool(spelled(text))] == []


def test_any_refusal_shows_so_many_errors_at_most_and_says_that_there_are_more() -> None:
    errors = [
        FieldError(f"/items/{number}", "too_small", "Too small.", "过小。")
        for number in range(ERRORS_MAX + 1)
    ]

    all_shown = problems.document(CursorInvalid(errors=errors[:-1]), "en", "")
    cut = problems.document(CursorInvalid(errors=errors), "en", "")

    assert [len(problem["errors"]) for problem in (all_shown, cut)] == [ERRORS_MAX] * 2
    assert ("more_errors" in all_shown, cut["more_errors"]) == (False, True)

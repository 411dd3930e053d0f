"""What is left of an identifier or a name for a reader who may not see the person behind it."""

import json
import re
from typing import Annotated

import pytest

from shared.http import masks
from shared.http.models import Response
from shared.http.readers import ACTOR, IDENTIFIER, PERSON, READER, SIGHT, Sight
from tests.architecture.sources import ROOT


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("+8613800138000", "+86138****8000"),
        ("13800138000", "138****8000"),
        ("+6581234567", "+65****4567"),
        ("1234567", "****67"),
        ("li.lei@example.com", "l***@example.com"),
        ("a@b@example.com", "a***@example.com"),
        ("C-100123", "C-****"),
        ("C-1", "****"),
        ("", "****"),
    ],
)
def test_an_identifier_is_masked_by_its_form(text: str, left: str) -> None:
    assert masks.identifier(text) == left


def test_the_page_for_operators_shows_what_the_masks_leave() -> None:
    page = (ROOT / "docs/rules/operators.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \| `(.+)` \| `(.+)` \|$", page, re.MULTILINE)
    by_name = {"a name": masks.name, "a login": masks.actor}

    assert len(rows) == 8
    assert [by_name.get(name, masks.identifier)(text) for name, text, _ in rows] == [
        left for *_, left in rows
    ]


@pytest.mark.parametrize(("text", "left"), [("李雷", "李*"), ("Ana Li", "A*"), ("", "*")])
def test_of_a_name_the_first_character_stays_and_its_length_is_hidden(text: str, left: str) -> None:
    assert masks.name(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("operator:li.lei", "operator:l***"),
        ("li.lei", "l***"),
        ("cus_01k2m9d6v4e8r7a1b2c3d4e5f6", "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"),
        ("customer:cus_01k2m9d6v4e8r7a1b2c3d4e5f6", "customer:cus_01k2m9d6v4e8r7a1b2c3d4e5f6"),
    ],
)
def test_an_operators_login_is_masked_and_a_customers_id_is_not(text: str, left: str) -> None:
    assert masks.actor(text) == left


class _Answer(Response):
    phone: Annotated[str, IDENTIFIER] = "13800138000"
    name: Annotated[str | None, PERSON] = None
    by: Annotated[str, ACTOR] = "ana"


@pytest.mark.parametrize(
    ("sight", "phone"),
    [(Sight(masked=False), "13800138000"), (Sight(masked=True), "138****8000"), (None, "138****8000")],
)
def test_only_who_sees_persons_gets_an_identifier_and_it_is_noticed(sight: Sight | None, phone: str) -> None:
    reader, seeing = READER.set("operator"), SIGHT.set(sight)
    try:
        shown = json.loads(_Answer().model_dump_json())
    finally:
        READER.reset(reader)
        SIGHT.reset(seeing)
    assert (shown["phone"], shown["name"]) == (phone, None)
    assert sight is None or sight.saw_person != sight.masked
    assert _Answer.model_json_schema(mode="serialization")["properties"]["phone"]["x-masked-for"] == [
        "analyst",
        "viewer",
    ]

"""Validation stops after so many errors, and what is long is validated in pieces."""

import asyncio
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from shared.http import bodies, effort
from shared.http.effort import STOPPED
from shared.http.models import Request
from shared.http.problems import BodyTooComplex, InvalidRequest, MalformedJson
from shared.limits import BATCH_ITEMS_MAX, DEPTH_MAX, ERRORS_MAX, NAMES_MAX, NODES_MAX
from tests.parts.till import Till

LINES = "/v1/customers/cus_1/sales"


class Line(Request):
    sku: str
    quantity: int


class Paid(Request):
    kind: Literal["cash"]


class Sale(Request):
    order: str
    lines: Annotated[list[Line], Field(max_length=1_000)]
    paid: Annotated[Paid, Field()] | None = None


class Sales(Request):
    items: Annotated[list[Sale], Field(max_length=BATCH_ITEMS_MAX)]


SALE: dict[str, Any] = {"order": "1", "lines": [{"sku": "tea", "quantity": 1}]}


def faults(document: object, model: type[Request] = Sales) -> list[Any]:
    with effort.bounded(), pytest.raises(ValidationError) as refused:
        TypeAdapter(model).validate_python(document)
    return refused.value.errors()


def test_the_errors_of_a_body_are_those_that_it_has_up_to_the_limit() -> None:
    wrong = {"order": 1, "lines": [{"sku": "tea"}, {"sku": 2, "quantity": 1}], "paid": {"kind": "card"}}

    assert [fault["loc"] for fault in faults({"items": [SALE, wrong]})] == [
        ("items", 1, "order"),
        ("items", 1, "lines", 0, "quantity"),
        ("items", 1, "lines", 1, "sku"),
        ("items", 1, "paid", "kind"),
    ]


def test_validation_stops_after_its_errors_and_names_the_first_of_them() -> None:
    found = faults({"items": [{"order": "1", "lines": [{}] * 1_000}] * BATCH_ITEMS_MAX})
    shown = [fault["loc"] for fault in found if fault["type"] != STOPPED]

    assert shown[:ERRORS_MAX] == [
        ("items", 0, "lines", number // 2, ("sku", "quantity")[number % 2]) for number in range(ERRORS_MAX)
    ]
    assert len(shown) <= ERRORS_MAX + 2
    assert len(found) < 2_000


def test_errors_inside_of_errors_are_counted_once() -> None:
    found = faults({"items": [{"order": "1", "lines": [{"sku": "tea"}]}] * (ERRORS_MAX - 1)})

    assert len(found) == ERRORS_MAX - 1


async def test_the_items_of_a_batch_are_validated_one_by_one_and_find_the_same() -> None:
    wrong = {"order": "2", "lines": [{}]}
    document = {"items": [SALE, wrong, SALE], "more": 1}

    prepared = await effort.with_items_validated(document, Sales)

    assert [type(item) for item in prepared["items"]] == [Sale, dict, Sale]  # type: ignore[attr-defined]
    assert [fault["loc"] for fault in faults(prepared)] == [fault["loc"] for fault in faults(document)]


async def test_a_batch_that_is_right_is_whole_after_its_items_are_validated() -> None:
    prepared = await effort.with_items_validated({"items": [SALE] * BATCH_ITEMS_MAX}, Sales)

    assert Sales.model_validate(prepared) == Sales.model_validate({"items": [SALE] * BATCH_ITEMS_MAX})


async def test_others_have_their_turn_while_a_batch_is_validated() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(others())
    await effort.with_items_validated({"items": [SALE] * BATCH_ITEMS_MAX}, Sales)
    ticking.cancel()

    assert turns >= BATCH_ITEMS_MAX // 25 - 1


def nested(levels: int) -> bytes:
    return b'[{"a":' * (levels // 2) + b"[]" * (levels % 2) + b"1" * (1 - levels % 2) + b"}]" * (levels // 2)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b"{}"] * NODES_MAX) + b"]",
        b"[" + b",".join([b"1"] * (NODES_MAX + 1)) + b"]",
        nested(DEPTH_MAX + 1),
        b'{"a":' * 900 + b"1" + b"}" * 900,
        json.dumps({str(number): 1 for number in range(NAMES_MAX + 1)}).encode(),
    ],
    ids=["objects", "numbers", "levels", "many levels", "names"],
)
def test_what_has_too_many_values_or_levels_is_refused_before_models_see_it(body: bytes) -> None:
    with pytest.raises(BodyTooComplex) as refused:
        bodies.parse(body)
    assert f"{NODES_MAX}" in refused.value.detail("en")
    assert f"{NODES_MAX}" in refused.value.detail("zh")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps("," * 2 * NODES_MAX).encode(),
        json.dumps("[" * 2 * NODES_MAX).encode(),
        json.dumps(['\\"[{'] * 1_000).encode(),
        b"[" + b",".join([b"1"] * (NODES_MAX - 1)) + b"]",
        nested(DEPTH_MAX),
        json.dumps({str(number): 1 for number in range(NAMES_MAX)}).encode(),
    ],
    ids=["commas", "brackets", "escapes", "numbers", "levels", "names"],
)
def test_what_only_looks_so_is_parsed(body: bytes) -> None:
    assert bodies.parse(body) == json.loads(body)


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 1_000_000 + b"[" * 40, b'"' * 1_000_001, b"[" * 100_000])
def test_a_body_that_is_no_json_is_looked_through_once(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        bodies.parse(body)


async def test_an_answer_says_that_there_are_more_errors_than_it_lists(one_till: Till) -> None:
    lines = [{"sku": "tea", "quantity": 0, "amount_minor": 1}] * (ERRORS_MAX + 1)
    headers = {"Idempotency-Key": "k"}
    async with one_till.client() as client:
        many = (await client.post(LINES, json=_sale(lines), headers=headers)).json()
        enough = (await client.post(LINES, json=_sale(lines[1:]), headers=headers)).json()
        chinese = {"Accept-Language": "zh"}
        other = (await client.post(LINES, json=_sale(lines), headers=headers | chinese)).json()
        query = (await client.get(LINES + "?" + "&".join(f"x{number}=1" for number in range(101)))).json()

    assert (len(many["errors"]), many["more_errors"]) == (ERRORS_MAX, True)
    assert many["detail"].endswith(f"more than the {ERRORS_MAX} shown.")
    assert f"{ERRORS_MAX} 处" in other["detail"]
    assert (len(enough["errors"]), "more_errors" in enough) == (ERRORS_MAX, False)
    assert (len(query["errors"]), query["more_errors"]) == (ERRORS_MAX, True)
    assert many["errors"][-1]["pointer"] == f"/lines/{ERRORS_MAX - 1}/quantity"


def _sale(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"sold_at": "2026-03-01T09:30:00Z", "lines": lines}


def test_a_refusal_with_few_errors_says_nothing_of_more() -> None:
    assert InvalidRequest(errors=()).extra == {}


@pytest.mark.parametrize(
    "query", ["&".join(f"n{number}=1" for number in range(1_000)), "&" * 1_000 + "n0=1", "n0&" * 1_000]
)
async def test_a_query_of_many_names_is_refused_by_its_first(one_till: Till, query: str) -> None:
    async with one_till.client(None) as client:
        answer = await client.get(f"/health/live?{query}")

    errors = answer.json()["errors"]
    assert (answer.status_code, len(errors) <= ERRORS_MAX) == (422, True)
    assert (errors[0]["pointer"], errors[0]["code"]) == ("/query/n0", "unknown_parameter")

"""What a refusal says and leaves undone, tried on the kernel's toy service and on one operation of profile."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from pydantic import TypeAdapter, ValidationError

from shared.http.validation import field_errors
from shared.limits import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX
from tests.contract.http.targets import REQUEST_ID
from tests.parts.databases import Kind
from tests.parts.opened import ADMIN, Opened, opened, purchase
from tests.parts.till import SALE, Till, open_till

PATH = "/v1/customers/cus_a/sales"
FORGED_MAX = 20
"""How many cursors with one changed character are sent to one list."""


@pytest.fixture(scope="module")
async def till(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Till]:
    """A till on SQLite, for all tests of this module."""
    async with open_till(tmp_path_factory.mktemp("till"), "sqlite") as running:
        yield running


async def post(till: Till, body: object, **headers: str) -> httpx2.Response:
    """Post a sale."""
    async with till.client() as client:
        return await client.post(PATH, json=body, headers={"Idempotency-Key": "k", **headers})


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of an answer, which must be this refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["request_id"] == answer.headers["request-id"]
    assert REQUEST_ID.fullmatch(document["request_id"])
    assert document["type"] == f"/problems/{code}"
    assert document["title"]
    assert document["detail"]
    return document


def errors(answer: httpx2.Response) -> dict[str, str]:
    """Return the codes of the wrong fields by pointer."""
    return {error["pointer"]: error["code"] for error in problem(answer, 422, "invalid_request")["errors"]}


async def test_every_wrong_field_is_named_at_once(till: Till) -> None:
    answer = await post(till, {"lines": [{"sku": 1, "quantity": 0, "amount_minor": None}]})

    assert errors(answer) == {
        "/sold_at": "missing",
        "/lines/0/sku": "not_a_text",
        "/lines/0/quantity": "too_small",
        "/lines/0/amount_minor": "not_an_integer",
    }
    assert await till.count_sales() == 0


@pytest.mark.parametrize(
    ("language", "detail"), [("en", "Allowed kinds: cash, card."), ("zh", "允许的类型：cash、card。")]
)
async def test_the_kinds_that_are_allowed_are_listed_in_the_callers_language(
    till: Till, language: str, detail: str
) -> None:
    body = SALE | {"paid": {"kind": "cheque"}}
    answer = await post(till, body, **{"Accept-Language": language})

    assert [error["detail"] for error in problem(answer, 422, "invalid_request")["errors"]] == [detail]


def test_the_values_that_are_allowed_are_listed_in_both_languages() -> None:
    allowed: TypeAdapter[object] = TypeAdapter(Literal["proposed", "approved", "failed"])
    with pytest.raises(ValidationError) as refused:
        allowed.validate_python("x")

    (error,) = field_errors(
        [{**fault, "loc": ("query", "state")} for fault in refused.value.errors()], None, None
    )

    assert (error.en, error.zh) == (
        "Allowed here: proposed, approved, failed.",
        "允许的值：proposed、approved、failed。",
    )


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        (SALE | {"sold_att": 1}, "/sold_att", "sold_at"),
        (SALE | {"lines": [{"sku": "a", "quantity": 1, "amount": 3}]}, "/lines/0/amount", "amount_minor"),
        (SALE | {"paid": {"kind": "card", "terminal": "t", "terminl": "t"}}, "/paid/terminl", "terminal"),
    ],
)
async def test_an_unknown_field_is_refused_with_what_was_probably_meant(
    till: Till, body: object, pointer: str, meant: str
) -> None:
    listed = problem(await post(till, body), 422, "invalid_request")["errors"]

    (error,) = [error for error in listed if error["pointer"] == pointer]
    assert error["code"] == "unknown_field"
    assert f"`{meant}`" in error["detail"]


async def test_an_unknown_query_parameter_is_refused_with_what_was_probably_meant(till: Till) -> None:
    async with till.client() as client:
        listed = problem(await client.get(PATH + "?limt=3"), 422, "invalid_request")["errors"]

    assert [(error["pointer"], error["code"]) for error in listed] == [("/query/limt", "unknown_parameter")]
    assert "`limit`" in listed[0]["detail"]


async def test_a_body_above_the_limit_is_a_413_by_its_declared_and_by_its_real_length(till: Till) -> None:
    async def streamed(size: int) -> AsyncIterator[bytes]:
        for _ in range(0, size, 65536):
            yield b" " * 65536

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    fits_in_a_batch = b" " * (BODY_BYTES_MAX + 1) + b"[]"
    async with till.client() as client:
        declared = await client.post(PATH, content=b" " * (BODY_BYTES_MAX + 1), headers=headers)
        real = await client.post(PATH, content=streamed(BODY_BYTES_MAX + 65536), headers=headers)
        fits = await client.post("/v1/sales:batch", content=fits_in_a_batch, headers=headers)
        batch = await client.post(
            "/v1/sales:batch", content=streamed(BATCH_BODY_BYTES_MAX + 65536), headers=headers
        )

    assert str(BODY_BYTES_MAX) in problem(declared, 413, "body_too_large")["detail"]
    problem(real, 413, "body_too_large")
    assert fits.status_code == 200
    assert str(BATCH_BODY_BYTES_MAX) in problem(batch, 413, "body_too_large")["detail"]


async def test_an_unknown_id_is_the_services_own_404(till: Till) -> None:
    async with till.client() as client:
        problem(await client.get(PATH + "/sal_none"), 404, "unknown_sale")


async def test_a_refusal_raised_after_writing_writes_nothing(kind: Kind, tmp_path: Path) -> None:
    too_much = SALE | {"lines": [{"sku": "gold", "quantity": 1, "amount_minor": 2_000_000}]}
    async with open_till(tmp_path, kind) as till:
        problem(await post(till, too_much), 409, "till_closed")

        assert await till.count_sales() == 0


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr, zh;q=0.5", "zh"),
        ("zh;q=0, en;q=0.1", "en"),
        ("*", "en"),
        ("", "en"),
        ("zh;q=nonsense, en;q=0.1", "en"),
        ("de, *;q=0.1, en;q=0", "zh"),
    ],
)
async def test_words_follow_the_readers_language_and_the_code_does_not(
    till: Till, accepts: str, language: str
) -> None:
    answer = await post(till, {}, **{"Accept-Language": accepts})

    document = problem(answer, 422, "invalid_request")
    assert answer.headers["content-language"] == language
    assert document["title"] == {"en": "The request cannot be accepted", "zh": "请求无法接受"}[language]
    assert (
        document["errors"][0]["detail"] == {"en": "This field is required.", "zh": "缺少必填字段。"}[language]
    )


async def test_a_key_belongs_to_its_request_its_operation_and_its_principal(tmp_path: Path) -> None:
    async with opened("profile", tmp_path) as house:
        key = {"Idempotency-Key": "one-and-the-same"}
        async with house.client(ADMIN) as client:
            first = await client.post("/v1/purchases", json=purchase("K-1"), headers=key)
            again = await client.post("/v1/purchases", json=purchase("K-1"), headers=key)
            other_body = await client.post("/v1/purchases", json=purchase("K-2"), headers=key)
            other_query = await client.post("/v1/purchases?", json=purchase("K-1"), headers=key)
            other_operation = await client.post("/v1/customers", json={"external_id": "K"}, headers=key)
        async with house.client(house.with_every_scope("mart")) as client:
            other_principal = await client.post("/v1/purchases", json=purchase("K-3"), headers=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-hit"] == "true"
    assert other_query.headers["idempotency-hit"] == "true"
    problem(other_body, 422, "idempotency_key_reused")
    assert [other_operation.status_code, other_principal.status_code] == [201, 201]


async def test_a_cursor_that_was_changed_or_belongs_to_another_list_is_refused(
    house: Opened, seeded: random.Random
) -> None:
    lists = [
        route.path_format.format_map(house.of_owner)
        for route in house.routes
        if "cursor" in route.operation.query
    ]
    async with house.client(ADMIN) as client:
        first_pages = [await client.get(path, params={"limit": 1}) for path in lists]
        cursors = [page.json()["next_cursor"] for page in first_pages]
        for path, cursor in zip(lists, cursors, strict=True):
            foreign = [known for known in cursors if known and known != cursor]
            forged = ["", "A", "=", "!", "AAAA", "\u00e4", "AAAAAAAAAAAAAAAAAAAAAFsxXQ", *foreign]
            for attempt in forged + (_forged(seeded, cursor) if cursor else []):
                answer = await client.get(path, params={"cursor": attempt})
                problem(answer, 422, "cursor_invalid")


def _forged(seeded: random.Random, cursor: str) -> list[str]:
    """Return a cursor with one character changed, cut in half, and made longer."""
    forged = [cursor[: len(cursor) // 2], cursor + "AAAA"]
    for place in seeded.sample(range(len(cursor) - 1), FORGED_MAX):
        other = "A" if cursor[place] != "A" else "B"
        forged.append(cursor[:place] + other + cursor[place + 1 :])
    return forged

import json
from typing import Any

import httpx2
import pytest

from shared.http.edge import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX
from tests.shared.http.till import SALE, Till

PATH = "/v1/customers/cus_a/sales"


async def post(till: Till, body: object, key: str = "k", **headers: str) -> httpx2.Response:
    async with till.client() as client:
        return await client.post(PATH, json=body, headers={"Idempotency-Key": key, **headers})


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["request_id"] == answer.headers["request-id"]
    assert document["type"] == f"/problems/{code}"
    assert document["title"]
    assert document["detail"]
    return document


def errors(answer: httpx2.Response) -> dict[str, str]:
    return {fault["pointer"]: fault["code"] for fault in problem(answer, 422, "invalid_request")["errors"]}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"sold_at": "2026-03-01T09:30:00"}, "/sold_at", "naive_time"),
        ({"sold_at": 1_700_000_000}, "/sold_at", "instant_invalid"),
        ({"sold_at": "2026-02-30T00:00:00Z"}, "/sold_at", "instant_invalid"),
        ({"on": "2026-02-30"}, "/on", "date_invalid"),
        ({"lines": []}, "/lines", "too_few"),
        ({"lines": {}}, "/lines", "not_a_list"),
        (
            {"lines": [{"sku": "a", "quantity": 1.5, "amount_minor": 1}]},
            "/lines/0/quantity",
            "not_an_integer",
        ),
        (
            {"lines": [{"sku": "a", "quantity": 1, "amount_minor": 9.99}]},
            "/lines/0/amount_minor",
            "not_an_integer",
        ),
        ({"lines": [{"sku": "a", "quantity": 1, "amount_minor": -1}]}, "/lines/0/amount_minor", "too_small"),
        (
            {"lines": [{"sku": "a", "quantity": "1", "amount_minor": 1}]},
            "/lines/0/quantity",
            "not_an_integer",
        ),
        (
            {"lines": [{"sku": "a", "quantity": True, "amount_minor": 1}]},
            "/lines/0/quantity",
            "not_an_integer",
        ),
        ({"lines": [{"sku": "a", "quantity": 2**63, "amount_minor": 1}]}, "/lines/0/quantity", "too_large"),
        ({"lines": [{"sku": "", "quantity": 1, "amount_minor": 1}]}, "/lines/0/sku", "too_short"),
        ({"lines": [{"sku": "a\x00b", "quantity": 1, "amount_minor": 1}]}, "/lines/0/sku", "nul_character"),
        ({"lines": [{"quantity": 1, "amount_minor": 1}]}, "/lines/0/sku", "missing"),
        ({"lines": [7]}, "/lines/0", "not_an_object"),
        ({"paid": {"kind": "cheque"}}, "/paid", "not_allowed"),
        ({"paid": {"kind": "cash", "given_minor": -1}}, "/paid/given_minor", "too_small"),
        ({"paid": {"kind": "cash", "given_minor": 1, "x/~y": 1}}, "/paid/x~1~0y", "unknown_field"),
        ({"phone": 13800138000}, "/phone", "not_a_text"),
    ],
)
async def test_a_field_that_cannot_be_accepted_is_pointed_at(
    one_till: Till, change: dict[str, object], pointer: str, code: str
) -> None:
    answer = await post(one_till, SALE | change)

    assert errors(answer) == {pointer: code}
    assert await one_till.count() == 0


async def test_every_wrong_field_is_named_at_once(one_till: Till) -> None:
    answer = await post(one_till, {"lines": [{"sku": 1, "quantity": 0, "amount_minor": None}]})

    assert errors(answer) == {
        "/sold_at": "missing",
        "/lines/0/sku": "not_a_text",
        "/lines/0/quantity": "too_small",
        "/lines/0/amount_minor": "not_an_integer",
    }


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        (SALE | {"sold_att": 1}, "/sold_att", "sold_at"),
        (SALE | {"lines": [{"sku": "a", "quantity": 1, "amount": 3}]}, "/lines/0/amount", "amount_minor"),
        (SALE | {"paid": {"kind": "card", "terminal": "t", "terminl": "t"}}, "/paid/terminl", "terminal"),
    ],
)
async def test_an_unknown_field_is_refused_with_what_was_probably_meant(
    one_till: Till, body: object, pointer: str, meant: str
) -> None:
    listed = problem(await post(one_till, body), 422, "invalid_request")["errors"]

    found = next(fault for fault in listed if fault["pointer"] == pointer)
    assert found["code"] == "unknown_field"
    assert f"`{meant}`" in found["detail"]


async def test_an_unknown_query_parameter_is_refused_with_what_was_probably_meant(one_till: Till) -> None:
    async with one_till.client() as client:
        listed = problem(await client.get(PATH + "?limt=3"), 422, "invalid_request")["errors"]

    assert [(fault["pointer"], fault["code"]) for fault in listed] == [("/query/limt", "unknown_parameter")]
    assert "`limit`" in listed[0]["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=1%00"])
async def test_a_page_size_outside_of_its_range_is_refused(one_till: Till, query: str) -> None:
    async with one_till.client() as client:
        answer = await client.get(f"{PATH}?{query}")

    assert list(errors(answer)) == ["/query/limit"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe{",
        b"[" * 100_000,
        b'{"a": 1}}',
        b"NaN}",
        b"NaN",
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xed\xa0\x80"}',
    ],
)
async def test_what_is_not_json_is_a_400(one_till: Till, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with one_till.client() as client:
        problem(await client.post(PATH, content=body, headers=headers), 400, "malformed_json")
        problem(
            await client.post("/v1/sales:batch", content=body, headers={"Content-Type": "application/json"}),
            400,
            "malformed_json",
        )


@pytest.mark.parametrize("body", [b'{"lines": [], "lines": []}', b'[{"a": {"b": 1, "\\u0062": 2}}]'])
async def test_a_name_that_is_there_twice_is_a_400(one_till: Till, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with one_till.client() as client:
        problem(await client.post(PATH, content=body, headers=headers), 400, "duplicate_name")


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\ude00\\ud83d"])
async def test_half_a_character_is_no_text_and_not_repeated(one_till: Till, half: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with one_till.client() as client:
        as_value = await client.post(PATH, content=f'{{"lines": [{{"sku": "{half}"}}]}}', headers=headers)
        as_name = await client.post(PATH, content=f'{{"lines": [{{"{half}": 1}}]}}', headers=headers)

    assert errors(as_value) == {"/lines/0/sku": "not_a_text"}
    assert errors(as_name) == {"/lines/0": "not_a_text"}


@pytest.mark.parametrize("depth", [50, 500, 900, 980])
@pytest.mark.parametrize("inside", ["1", '"\\u0000"'])
async def test_a_deep_document_is_refused_like_any_other(one_till: Till, depth: int, inside: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    deep = '{"sold_at":' + '{"a":[' * (depth // 2) + inside + "]}" * (depth // 2) + "}"
    async with one_till.client() as client:
        answer = await client.post(PATH, content=deep, headers=headers)

    assert answer.status_code in (400, 422)


async def test_a_parameter_given_twice_is_refused(one_till: Till) -> None:
    async with one_till.client() as client:
        answer = await client.get(PATH + "?limit=3&limit=4")

    assert errors(answer) == {"/query/limit": "given_twice"}


async def test_no_body_is_a_missing_body(one_till: Till) -> None:
    async with one_till.client() as client:
        assert errors(await client.post(PATH, headers={"Idempotency-Key": "k"})) == {"": "missing"}


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", ""]
)
async def test_what_is_not_said_to_be_json_is_a_415(one_till: Till, media_type: str) -> None:
    headers = {"Idempotency-Key": "k"} | ({"Content-Type": media_type} if media_type else {})
    async with one_till.client() as client:
        problem(
            await client.post(PATH, content=json.dumps(SALE), headers=headers), 415, "unsupported_media_type"
        )


async def test_a_body_above_the_limit_is_a_413_by_what_it_says_and_by_what_comes(one_till: Till) -> None:
    async def streamed(size: int) -> Any:
        for _ in range(0, size, 65536):
            yield b" " * 65536

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    async with one_till.client() as client:
        said = await client.post(PATH, content=b" " * (BODY_BYTES_MAX + 1), headers=headers)
        came = await client.post(PATH, content=streamed(BODY_BYTES_MAX + 65536), headers=headers)
        fits = await client.post(
            "/v1/sales:batch", content=b" " * (BODY_BYTES_MAX + 1) + b"[]", headers=headers
        )
        batch = await client.post(
            "/v1/sales:batch", content=streamed(BATCH_BODY_BYTES_MAX + 65536), headers=headers
        )

    assert str(BODY_BYTES_MAX) in problem(said, 413, "body_too_large")["detail"]
    problem(came, 413, "body_too_large")
    assert fits.status_code == 200
    assert str(BATCH_BODY_BYTES_MAX) in problem(batch, 413, "body_too_large")["detail"]


async def test_an_unknown_path_and_a_slash_too_many_are_404s(one_till: Till) -> None:
    async with one_till.client() as client:
        for path in (
            "/nowhere",
            "/v1",
            PATH + "/",
            "/v1/customers/a%00b/sales",
            "/docs/..%2fapp.py",
            "/docs/README.md",
        ):
            problem(await client.get(path), 404, "not_found")


async def test_a_method_that_a_path_does_not_take_is_a_405_that_lists_all_it_takes(one_till: Till) -> None:
    async with one_till.client() as client:
        answer = await client.put(PATH)

    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


async def test_an_unknown_id_is_the_services_own_404(one_till: Till) -> None:
    async with one_till.client() as client:
        problem(await client.get(PATH + "/sal_none"), 404, "unknown_sale")


async def test_a_refusal_raised_after_writing_writes_nothing(till: Till) -> None:
    too_much = SALE | {"lines": [{"sku": "gold", "quantity": 1, "amount_minor": 2_000_000}]}

    problem(await post(till, too_much), 409, "till_closed")

    assert await till.count() == 0


@pytest.mark.parametrize("value", ["张伟", "13800138000", "110101199003074477", "a@example.org"])
async def test_no_answer_repeats_a_value_that_was_sent(one_till: Till, value: str) -> None:
    bodies: list[Any] = [
        SALE | {"phone": [value]},
        SALE | {"sold_at": value},
        SALE | {"on": value},
        SALE | {"paid": {"kind": value}},
        SALE | {"lines": [{"sku": value * 99, "quantity": value, "amount_minor": value}]},
        value,
        [value],
    ]
    async with one_till.client() as client:
        answers = [await post(one_till, body, key=f"k{number}") for number, body in enumerate(bodies)]
        answers.append(await client.get(PATH, params={"limit": value, "cursor": value}))
        answers.append(await client.get(PATH, params={"cursor": value}))
        answers.append(await client.get("/v1/customers/" + value))

    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert value not in answer.text


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
    one_till: Till, accepts: str, language: str
) -> None:
    answer = await post(one_till, {}, **{"Accept-Language": accepts})

    said = problem(answer, 422, "invalid_request")
    assert answer.headers["content-language"] == language
    assert said["title"] == {"en": "The request cannot be accepted", "zh": "请求无法接受"}[language]
    assert said["errors"][0]["detail"] == {"en": "This field is required.", "zh": "缺少必填字段。"}[language]

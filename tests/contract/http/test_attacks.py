"""What a hostile or broken client sends, to every operation of the four services: a problem document, never a 5xx."""

import json
import random
import re
from typing import Any

import httpx2
import pytest

from shared.http.edge import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX
from shared.http.routes import Route
from shared.ids import new_id
from tests.contract.http.opened import Opened, opened, purchase
from tests.parts.sampling import sample

JSON = {"content-type": "application/json"}
DEEP = 950
LONG = 8_000
CASES_MAX = 300
"""How many requests a test sends to one service in a sample: all of them grow with every field of every operation."""
ROUTES_MAX = 8
"""How many operations of one service a case is sent to in a sample."""


def _path(house: Opened, route: Route, **ids: str) -> str:
    names = re.findall(r"{(\w+)}", route.path_format)
    return route.path_format.format_map(dict.fromkeys(names, "bg_nbd") | house.of_owner | ids)


def _example(house: Opened, route: Route) -> Any:
    described = house.app.openapi()["paths"][route.path_format][route.method.lower()]
    content = described.get("requestBody", {}).get("content", {})
    return content["application/json"]["example"] if content else None


def _with_bodies(house: Opened) -> list[tuple[Route, Any]]:
    return [(route, body) for route in house.routes if (body := _example(house, route)) is not None]


def _with_keys(house: Opened) -> list[Route]:
    return [route for route in house.routes if route.operation.idempotency is not None]


def problem(answer: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """The problem document of an answer that must be one of these refusals."""
    assert answer.status_code in statuses, (answer.request.url, answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["request_id"] == answer.headers["request-id"]
    assert document["status"] == answer.status_code
    return document


async def _post_raw(house: Opened, route: Route, content: bytes, **headers: str) -> httpx2.Response:
    sent = JSON | {"idempotency-key": new_id("key")} | headers
    async with house.client(house.operator()) as client:
        return await client.request(route.method, _path(house, route), content=content, headers=sent)


async def test_no_body_is_taken_that_is_not_one_small_json_document(
    house: Opened, seeded: random.Random
) -> None:
    for route, body in sample(seeded, _with_bodies(house), ROUTES_MAX):
        limit = BATCH_BODY_BYTES_MAX if route.path.endswith(":batch") else BODY_BYTES_MAX
        text = json.dumps(body)
        for content, statuses in {
            b" " * (limit + 1): (413,),
            b"[" * 200_000: (400,),
            b'{"a":' * DEEP + b"1" + b"}" * DEEP: (400, 422),
            text[:-1].encode(): (400,),
            text.encode() * 2: (400,),
            text.encode("utf-16"): (400,),
            text.encode("utf-32"): (400,),
            b"\xff" + text.encode(): (400,),
            b"NaN": (400,),
            b'{"a": Infinity}': (400,),
            b'{"a": ' + b"9" * 10_000 + b"}": (400,),
            b'{"a": 1, "a": 1}': (400,),
            b"null": (422,),
            b"[]": (422,),
            b'"text"': (422,),
            b"0": (422,),
            b'{"\\ud800": 1}': (422,),
            b'{"a": "\\u0000"}': (422,),
        }.items():
            document = problem(await _post_raw(house, route, content), *statuses)
            assert document["code"] != "internal_error"


@pytest.mark.parametrize(
    "media_type",
    [
        "", "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
        "application/jsonp", "\u00e4/\u00f6", ";", "application/json2",
    ],
)  # fmt: skip
async def test_a_body_of_another_type_is_not_looked_at(
    house: Opened, media_type: str, seeded: random.Random
) -> None:
    for route, body in sample(seeded, _with_bodies(house), ROUTES_MAX):
        async with house.client(house.operator()) as client:
            headers = [(b"content-type", media_type.encode("latin-1")), (b"idempotency-key", b"k")]
            answer = await client.request(
                route.method, _path(house, route), content=json.dumps(body), headers=headers
            )
        problem(answer, 415)


WRONG: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, 1e308, "", " ", "0", "\u0000", "\ud800", "\ufeff",
    "x" * 100_000, "'; drop table purchases; --", "../../etc/passwd", "%00", "{{7*7}}", "\u202e", "2026-03-10",
    "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", [], [[]], {}, {"a": {}},
    [1] * 2_000,
]  # fmt: skip


async def test_any_value_in_any_place_is_taken_or_refused_by_name(
    any_house: Opened, seeded: random.Random
) -> None:
    """Each of these in place of each value of each example, and of each object and list in it."""
    cases = [
        (route, body, place, value)
        for route, body in _with_bodies(any_house)
        for place in _places(body)
        for value in WRONG
    ]
    for route, body, place, value in sample(seeded, cases, CASES_MAX):
        answer = await _post_raw(any_house, route, json.dumps(_replaced(body, place, value)).encode())
        if not answer.is_success:
            problem(answer, 403, 404, 409, 413, 422)
    if any_house.service.name != "scoring":
        assert len(cases) > 100


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value in a JSON document."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [path, *(place for step, inner in steps for place in _places(inner, (*path, step)))]


def _replaced(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = _replaced(document[place[0]], place[1:], value)
    return copy


IDS = [
    "x" * LONG, "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%2f", "a%00b", "%ff%fe", "%ed%a0%80", "%F0%9F%92%A9", "'", "%25",
    "null", "0", "-1", "*", "cus_", "ext:", "ext:%00", "ext:%20", "ext:" + "y" * LONG, ";", "?", "#", "%0d%0aX-A:%20b", " ",
]  # fmt: skip


async def test_any_id_in_a_path_is_unknown_or_no_path(any_house: Opened, seeded: random.Random) -> None:
    cases = [
        (route, name, id)
        for route in any_house.routes
        for name in re.findall(r"{(\w+)}", route.path_format)
        for id in IDS
    ]
    for route, name, id in sample(seeded, cases, CASES_MAX):
        async with any_house.client(any_house.operator()) as client:
            answer = await client.request(
                route.method,
                _path(any_house, route, **{name: id}),
                json=_example(any_house, route),
                headers={"idempotency-key": "k"},
            )
        if not answer.is_success:
            problem(answer, 404, 405, 422)
            assert "x-a" not in answer.headers


QUERIES = [
    "%00",
    "",
    "x" * LONG,
    "-1",
    "1e3",
    "%ff",
    "NaN",
    "9" * 5_000,
    "true",
    "[]",
    "%F0%9F%92%A9",
    "' or 1=1",
]


async def test_any_value_of_a_parameter_is_taken_or_refused_by_name(
    any_house: Opened, seeded: random.Random
) -> None:
    for route in sample(seeded, any_house.routes, ROUTES_MAX):
        for name in route.operation.query:
            async with any_house.client(any_house.operator()) as client:
                for value in QUERIES:
                    answer = await client.get(f"{_path(any_house, route)}?{name}={value}")
                    if not answer.is_success:
                        document = problem(answer, 404, 422)
                        assert value not in answer.text or len(value) < 5
                        assert document["code"] != "internal_error"
                twice = problem(await client.get(f"{_path(any_house, route)}?{name}=1&{name}=1"), 422)
                assert twice["errors"][0]["code"] == "given_twice"
                unknown = problem(await client.get(f"{_path(any_house, route)}?{name}x=1&{name}x=2"), 422)
                assert unknown["errors"][0]["code"] == "unknown_parameter"


async def test_a_cursor_that_was_tampered_with_does_not_fit(house: Opened, seeded: random.Random) -> None:
    """A real cursor changed in each of its characters, cut, extended, or taken to another list or filter."""
    lists = [route for route in house.routes if "cursor" in route.operation.query]
    cursors = [await _cursor(house, route) for route in lists]
    for number, route in enumerate(lists):
        others = [cursor for position, cursor in enumerate(cursors) if position != number and cursor]
        forged = ["", "A", "=", "!", "AAAA", "\u00e4", "AAAAAAAAAAAAAAAAAAAAAFsxXQ", *others]
        if (cursor := cursors[number]) is not None:
            for _ in range(20):
                place = seeded.randrange(len(cursor) - 1)
                other = "A" if cursor[place] != "A" else "B"
                forged.append(cursor[:place] + other + cursor[place + 1 :])
            forged += [cursor[: len(cursor) // 2], cursor + "AAAA"]
        async with house.client(house.operator()) as client:
            for attempt in forged:
                answer = await client.get(_path(house, route), params={"cursor": attempt})
                assert problem(answer, 422)["code"] == "cursor_invalid", (route.operation.id, attempt)


async def _cursor(house: Opened, route: Route) -> str | None:
    async with house.client(house.operator()) as client:
        answer = await client.get(_path(house, route), params={"limit": 1})
    assert answer.is_success, answer.text
    cursor: str | None = answer.json()["next_cursor"]
    return cursor


HEADERS: list[tuple[bytes, bytes]] = [
    (b"accept-language", b"zh;q=nan, \xff\xfe;q=1e999, en;q=-1,,,;;;q=,*;q=" + b"9" * 4_000),
    (b"accept-language", b"," * 8_000),
    (b"accept", b"application/xml"),
    (b"request-id", b"x" * 4_000),
    (b"request-id", b"\xff<script>"),
    (b"traceparent", b"00-" + b"0" * 32 + b"-" + b"g" * 16 + b"-00"),
    (b"traceparent", b"\xff"),
    (b"authorization", b"Bearer \xff\xfe"),
    (b"authorization", b"Basic YTpi"),
    (b"authorization", b"Bearer " + b"a." * 4_000),
    (b"authorization", b"Bearer"),
    (b"cookie", b"a=" + b"x" * 4_000),
    (b"content-length", b"nonsense"),
    (b"x-http-method-override", b"DELETE"),
    (b"host", b"evil.example"),
    (b"if-match", b'"\xff"'),
]


async def test_any_header_is_read_ignored_or_refused(house: Opened, seeded: random.Random) -> None:
    cases = [(route, name, value) for route in house.routes for name, value in HEADERS]
    for route, name, value in sample(seeded, cases, CASES_MAX):
        async with house.client(house.operator()) as client:
            sent = [(b"idempotency-key", new_id("key").encode()), (name, value)]
            answer = await client.request(
                route.method, _path(house, route), json=_example(house, route), headers=sent
            )
        if not answer.is_success:
            problem(answer, 400, 401, 403, 404, 409, 422)
        assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", answer.headers["request-id"])


@pytest.mark.parametrize("key", [b"", b" ", b"a b", b"x" * 256, b"\xc3\xa4", b"\x7f", b"\xff", b"\t"])
async def test_a_key_that_is_none_is_refused_before_anything_happens(
    house: Opened, key: bytes, seeded: random.Random
) -> None:
    for route in sample(seeded, _with_keys(house), ROUTES_MAX):
        async with house.client(house.operator()) as client:
            sent = [(b"idempotency-key", key)]
            answer = await client.request(
                route.method, _path(house, route), json=_example(house, route), headers=sent
            )
        assert problem(answer, 400)["code"] in ("idempotency_key_invalid", "idempotency_key_required")


async def test_two_keys_on_one_request_are_refused(house: Opened) -> None:
    for route in _with_keys(house):
        async with house.client(house.operator()) as client:
            sent = [(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
            answer = await client.request(
                route.method, _path(house, route), json=_example(house, route), headers=sent
            )
        assert problem(answer, 400)["code"] == "idempotency_key_invalid"


async def test_a_key_belongs_to_its_request_its_operation_and_its_principal(tmp_path: Any) -> None:
    async with opened("profile", tmp_path) as house:
        key = {"Idempotency-Key": "one-and-the-same"}
        async with house.client(house.operator()) as client:
            first = await client.post("/v1/purchases", json=purchase("K-1"), headers=key)
            again = await client.post("/v1/purchases", json=purchase("K-1"), headers=key)
            other_body = await client.post("/v1/purchases", json=purchase("K-2"), headers=key)
            other_query = await client.post("/v1/purchases?", json=purchase("K-1"), headers=key)
            other_operation = await client.post("/v1/customers", json={"external_id": "K"}, headers=key)
        async with house.client(house.partner("mart")) as client:
            other_principal = await client.post("/v1/purchases", json=purchase("K-3"), headers=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-hit"] == "true"
    assert other_query.headers["idempotency-hit"] == "true"
    assert problem(other_body, 422)["code"] == "idempotency_key_reused"
    assert [other_operation.status_code, other_principal.status_code] == [201, 201]


async def test_health_and_metrics_answer_before_there_are_any_topics(house: Opened) -> None:
    """Whoever serves may start before whoever relays or consumes, who make the topics."""
    async with house.client(None) as client:
        for path in ("/health/live", "/health/ready", "/health/issues", "/metrics"):
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)

"""ETags: an answer that has not changed is not sent again, and a change is bound to what its caller has seen."""

import asyncio
import re
from dataclasses import replace

import httpx2
import pytest

from shared.auth.access import allow
from shared.http import etags
from shared.http.dependencies import Transaction
from shared.http.operation import PreconditionNeed
from shared.http.routes import Router
from tests.parts import tokens
from tests.parts.drawers import DRAWERS, DrawerOut
from tests.parts.till import SALE, DrawerRecord, Till, drawers

DRAWER = "/v1/drawers/drawer_1"
SALES = "/v1/customers/cus_a/sales"
VIEWER = tokens.operator("viewer")
AMOUNT = {"float_minor": 700}


@pytest.fixture
async def till(till: Till) -> Till:
    return await with_drawer(till)


@pytest.fixture
async def one_till(one_till: Till) -> Till:
    return await with_drawer(one_till)


async def with_drawer(till: Till) -> Till:
    """Return the till with one drawer, and with the operations of drawers."""
    async with till.database.begin() as tx:
        await tx.insert_records(drawers, [DrawerRecord("drawer_1", 20_000, 1)])
    described = replace(till.service, capabilities=(*till.service.capabilities, DRAWERS))
    return Till(described, till.runtime, till.clock)


async def set_to(client: httpx2.AsyncClient, tag: str | None, amount: int = 700) -> httpx2.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return await client.put(DRAWER, json={"float_minor": amount}, headers=headers)


async def tag_of(till: Till, subject: tokens.Subject | None = None) -> str:
    async with till.client(subject or tokens.operator("admin")) as client:
        return (await client.get(DRAWER)).headers["etag"]


async def float_of(till: Till) -> int:
    async with till.client() as client:
        return int((await client.get(DRAWER)).json()["float_minor"])


async def test_an_answer_that_has_not_changed_is_304_without_a_body(one_till: Till) -> None:
    async with one_till.client() as client:
        first = await client.get(DRAWER)
        tag = first.headers["etag"]
        again = await client.get(DRAWER, headers={"If-None-Match": f'"other", W/{tag}'})
        head = await client.head(DRAWER, headers={"If-None-Match": tag})
        anything = await client.get(DRAWER, headers={"If-None-Match": "*"})
        other = await client.get(DRAWER, headers={"If-None-Match": '"other"'})
        await set_to(client, tag)
        changed = await client.get(DRAWER, headers={"If-None-Match": tag})

    assert re.fullmatch(r'"1\.[0-9a-f]{24}"', tag)
    for answer in (again, head, anything):
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "no-store"
        assert "ratelimit" in answer.headers
    assert (other.status_code, other.headers["etag"], other.content) == (200, tag, first.content)
    assert (changed.status_code, changed.headers["etag"][:3]) == (200, '"2.')


async def test_more_tags_than_the_document_allows_are_refused(one_till: Till) -> None:
    tags = '"' + "x" * etags.TAGS_CHARACTERS_MAX + '"'
    async with one_till.client() as client:
        read = await client.get(DRAWER, headers={"If-None-Match": tags})
        changed = await set_to(client, tags)

    for answer, header in ((read, "If-None-Match"), (changed, "If-Match")):
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == (f"/header/{header}", "too_long")


async def test_a_single_thing_without_a_version_has_the_hash_of_its_body(one_till: Till) -> None:
    async with one_till.client() as client:
        made = await client.post(SALES, json=SALE, headers={"Idempotency-Key": "k-1"})
        first, again = [await client.get(made.headers["location"]) for _ in range(2)]
        known = await client.get(made.headers["location"], headers={"If-None-Match": first.headers["etag"]})
        missing = await client.get(f"{SALES}/sal_none", headers={"If-None-Match": "*"})

    assert re.fullmatch(r'"[0-9a-f]{24}"', first.headers["etag"])
    assert again.headers["etag"] == first.headers["etag"]
    assert known.status_code == 304
    assert (missing.status_code, "etag" in missing.headers) == (404, False)


async def test_a_page_of_a_list_has_no_tag(one_till: Till) -> None:
    async with one_till.client() as client:
        for key in ("k-1", "k-2"):
            await client.post(SALES, json=SALE, headers={"Idempotency-Key": key})
        first = await client.get(SALES, params={"limit": 1}, headers={"If-None-Match": "*"})
        second = await client.get(SALES, params={"limit": 1, "cursor": first.json()["next_cursor"]})

    assert (first.status_code, second.status_code) == (200, 200)
    assert "etag" not in first.headers


async def test_readers_who_see_different_parts_have_different_tags_and_change_the_same_version(
    one_till: Till,
) -> None:
    of_viewer, of_admin = await tag_of(one_till, VIEWER), await tag_of(one_till)
    async with one_till.client() as client:
        changed = await set_to(client, of_viewer)

    assert of_viewer != of_admin
    assert changed.status_code == 200


async def test_a_change_needs_the_tag_of_what_was_seen(till: Till) -> None:
    tag = await tag_of(till)
    async with till.client() as client:
        missing = await set_to(client, None)
        changed = await set_to(client, tag)
        stale = [await set_to(client, value) for value in (tag, '"1"', '"7", W/"2"', "2", '"x.2"', '"', "")]
        next_one = await set_to(client, changed.headers["etag"], 800)
        among = await set_to(client, f'"9.a", {await tag_of(till)}', 900)
        whatever = await set_to(client, "*", 1_000)

    assert (missing.status_code, missing.json()["code"]) == (428, "precondition_required")
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert {(answer.status_code, answer.json()["code"]) for answer in stale[:-1]} == {
        (412, "precondition_failed")
    }
    assert stale[-1].status_code == 428
    assert [answer.status_code for answer in (next_one, among, whatever)] == [200, 200, 200]
    assert await float_of(till) == 1_000


@pytest.mark.parametrize(("language", "word"), [("en", "Read it again"), ("zh", "请重新读取")])
async def test_a_stale_tag_is_refused_in_the_readers_language(
    one_till: Till, language: str, word: str
) -> None:
    async with one_till.client() as client:
        headers = {"If-Match": '"9"', "Accept-Language": language}
        answer = await client.put(DRAWER, json=AMOUNT, headers=headers)

    assert word in answer.json()["detail"]


async def test_of_two_changes_of_one_version_one_wins(till: Till) -> None:
    tag = await tag_of(till)
    async with till.client() as client:
        answers = await asyncio.gather(*(set_to(client, tag, 100 + number) for number in range(8)))

    (won,) = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers if answer is not won} == {412}
    assert await float_of(till) == won.json()["float_minor"]


async def test_a_repeat_has_the_first_answer_and_its_tag_however_stale_the_request_is(till: Till) -> None:
    headers = {"If-Match": await tag_of(till), "Idempotency-Key": "k-1"}
    async with till.client() as client:
        first = await client.put(DRAWER, json=AMOUNT, headers=headers)
        await set_to(client, first.headers["etag"], 900)
        again = await client.put(DRAWER, json=AMOUNT, headers=headers)
        refused = await client.put(DRAWER, json=AMOUNT, headers=headers | {"Idempotency-Key": "k-2"})

    assert (again.headers["idempotency-hit"], again.headers["etag"]) == ("true", first.headers["etag"])
    assert again.content == first.content
    assert refused.status_code == 412
    assert await float_of(till) == 900


async def test_what_needs_a_precondition_says_so_before_it_looks_at_the_body(one_till: Till) -> None:
    async with one_till.client() as client, one_till.client(VIEWER) as viewer:
        missing = await client.put(DRAWER, json={})
        forbidden = await viewer.put(DRAWER, json={})

    assert (missing.status_code, forbidden.status_code) == (428, 403)


def test_the_document_has_the_headers_and_their_answers(one_till: Till) -> None:
    described = one_till.app.openapi()["paths"]["/v1/drawers/{drawer_id}"]
    parameters = {
        method: {parameter["name"]: parameter for parameter in described[method]["parameters"]}
        for method in ("get", "put")
    }

    assert parameters["put"]["If-Match"]["required"] is True
    assert parameters["get"]["If-None-Match"]["required"] is False
    assert parameters["put"]["If-None-Match"]["schema"] == {"type": "string", "pattern": r"^\*$"}
    assert {"304", "200"} <= described["get"]["responses"].keys()
    assert {"412", "428"} <= described["put"]["responses"].keys()
    for method, status in (("get", "200"), ("get", "304"), ("put", "200")):
        assert described[method]["responses"][status]["headers"]["ETag"]["example"]


@pytest.mark.parametrize(("need", "version"), [("required", "version"), (None, None), ("optional", None)])
def test_a_precondition_that_nothing_compares_is_refused_when_it_is_declared(
    need: PreconditionNeed | None, version: str | None
) -> None:
    router = Router(tags=["drawers"])
    options = {"operation_id": "set_it", "summary": "Set it", "allow": allow({"admin"}), "version": version}

    async def compares_nothing(tx: Transaction) -> DrawerOut:
        """Compare nothing."""
        raise NotImplementedError

    declare = router.put("/v1/it", precondition=need, **options)
    if need is None:
        declare(compares_nothing)
        return
    with pytest.raises(TypeError, match="precondition"):
        declare(compares_nothing)

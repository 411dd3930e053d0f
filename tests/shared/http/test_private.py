"""What a service tells of itself to anybody, and what to operators only."""

from collections.abc import Sequence

import httpx2
import pytest

from shared.http.app import build_side_door_of
from shared.http.health import DATABASE_AWAY, Issue
from shared.ids import new_id
from tests.parts import tokens
from tests.parts.till import Till

HEALTH = ("/health/live", "/health/ready", "/health/issues")


@pytest.fixture
def troubled(one_till: Till) -> Till:
    async def trouble() -> Sequence[Issue]:
        return (DATABASE_AWAY,)

    one_till.app.state.health.watched.append(trouble)
    return one_till


def callers(till: Till) -> dict[str, httpx2.AsyncClient]:
    """Return clients that are no operator's."""
    return {
        "nobody": till.client(None),
        "nonsense": tokens.client(till.app, "x.y.z", name="till"),
        "partner": till.partner("mart", ("sales:write",)),
        "customer": till.customer(new_id("cus")),
    }


async def test_the_details_of_an_issue_are_for_operators(troubled: Till) -> None:
    for language, sentence in (("en", DATABASE_AWAY.en), ("zh", DATABASE_AWAY.zh)):
        headers = {"Accept-Language": language}
        for caller in callers(troubled).values():
            async with caller as client:
                answer = await client.get("/health/issues", headers=headers)
            (issue,) = answer.json()["issues"]
            assert issue["code"] == "database_away"
            assert sentence not in issue["detail"]
        async with troubled.client() as client:
            (issue,) = (await client.get("/health/issues", headers=headers)).json()["issues"]
        assert issue["detail"] == sentence


async def test_figures_are_for_operators(one_till: Till) -> None:
    refused = {}
    for name, caller in callers(one_till).items():
        async with caller as client:
            answer = await client.get("/metrics")
        refused[name] = (answer.status_code, answer.json()["code"])
    async with one_till.operator("viewer") as client:
        taken = await client.get("/metrics")

    assert refused == {
        "nobody": (401, "token_missing"),
        "nonsense": (401, "token_invalid"),
        "partner": (403, "forbidden"),
        "customer": (403, "forbidden"),
    }
    assert (taken.status_code, "huitou_outbox_pending" in taken.text) == (200, True)


async def test_at_a_port_of_its_own_a_process_that_serves_tells_everything_without_a_token(
    troubled: Till,
) -> None:
    door = build_side_door_of(troubled.service, troubled.app)
    async with tokens.client(door, None) as client:
        metrics = await client.get("/metrics")
        (issue,) = (await client.get("/health/issues")).json()["issues"]
        ready = await client.get("/health/ready")
        sales = await client.get("/v1/customers/x/sales")

    assert "huitou_outbox_pending" in metrics.text
    assert issue["detail"] == DATABASE_AWAY.en
    assert [ready.status_code, sales.status_code] == [200, 404]


async def test_head_is_answered_as_get_without_its_body(one_till: Till) -> None:
    async with one_till.client() as client:
        for path in (*HEALTH, "/metrics", "/docs", "/openapi.json", "/v1/customers/cus_1/sales", "/nothing"):
            get, head = await client.get(path), await client.head(path)
            assert head.status_code == get.status_code
            assert head.content == b""
            assert head.headers["content-type"] == get.headers["content-type"]
            if path != "/metrics":
                assert head.headers["content-length"] == get.headers["content-length"]
        other = await client.put("/health/live")

    assert (other.status_code, other.headers["allow"]) == (405, "GET, HEAD")


PAGES = (*HEALTH, "/docs", "/docs/start.js", "/problems/not_found", "/openapi.json", "/nothing", "/metrics")


@pytest.mark.parametrize("path", PAGES)
async def test_every_header_of_an_answer_is_there_once(one_till: Till, path: str) -> None:
    async with one_till.client() as client:
        answer = await client.get(path)

    names = [name for name, _ in answer.headers.raw]
    assert len(names) == len(set(names))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "cache-control" in answer.headers


@pytest.mark.parametrize("path", ["/docs", "/problems/not_found"])
async def test_no_page_can_be_put_into_a_frame(one_till: Till, path: str) -> None:
    async with one_till.client(None) as client:
        answer: httpx2.Response = await client.get(path)

    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_the_page_that_takes_a_token_does_not_keep_it(one_till: Till) -> None:
    async with one_till.client(None) as client:
        script = (await client.get("/docs/start.js")).text

    assert "SwaggerUIBundle" in script
    assert "persistAuthorization" not in script

import asyncio
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from shared import logs
from shared.auth.signing import public_keys_path
from shared.http.health import Issue
from shared.http.models import LIMIT_DEFAULT
from tests.parts.till import SALE, Till
from tests.parts.waiting import until

PATH = "/v1/customers/cus_a/sales"

HANGS_SECONDS = 30
"""Nothing that answers at all takes so long, however busy the machine is."""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure("till", stream=stream)
    yield stream
    logs.configure("till")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


ULID = "01JNQ8M3Z7W5T2R9V4X6Y8B0CD"


async def test_every_answer_and_its_log_line_have_the_same_request_id(
    one_till: Till, written: io.StringIO
) -> None:
    async with one_till.client() as client:
        made = await client.get(PATH)
        given = await client.get(PATH, headers={"Request-Id": ULID})
        refused = await client.get("/nowhere", headers={"Request-Id": "evil\tid; drop"})
        long = await client.get("/nowhere", headers={"Request-Id": "x" * 65})

    answers = [made, given, refused, long]
    assert re.fullmatch("req_[0-9a-z]{26}", made.headers["request-id"])
    assert given.headers["request-id"] == ULID
    assert all(answer.headers["request-id"].startswith("req_") for answer in (refused, long))
    assert [line["request_id"] for line in lines(written)] == [
        answer.headers["request-id"] for answer in answers
    ]


@pytest.mark.parametrize(
    "request_id",
    [
        ULID,
        ULID.lower(),
        f"req_{ULID.lower()}",
        "0190a5d2-7c3b-7f2e-9a41-6b8d0c5e4f31",
        "6FA459EA-EE8A-4CA4-894E-DB77E160355E",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "4bf92f3577b34da6a3ce929d0e0e4736" * 2,
    ],
)
async def test_an_id_that_names_nobody_is_taken(one_till: Till, request_id: str) -> None:
    async with one_till.client() as client:
        answer = await client.get(PATH, headers={"Request-Id": request_id})

    assert answer.headers["request-id"] == request_id


@pytest.mark.parametrize(
    "request_id",
    [
        "13912345678",
        "ZhangSan",
        "zhang.san_1980-01-05",
        "11010519491231002X",
        "till-7.receipt_42",
        "00000000-0000-0000-0000-013912345678",
        "0" * 21 + "13912345678",
        "01" + "0" * 13 + "13912345678",
        "req_13912345678",
        "req_zhangsan",
        "zhangsanzhangsanzhangsanzh",
    ],
)
async def test_an_id_that_may_name_a_person_is_replaced(
    one_till: Till, written: io.StringIO, request_id: str
) -> None:
    async with one_till.client() as client:
        answer = await client.get(PATH, headers={"Request-Id": request_id})

    assert re.fullmatch("req_[0-9a-z]{26}", answer.headers["request-id"])
    assert request_id not in written.getvalue()


async def test_a_request_is_one_line_without_anything_that_was_sent(
    one_till: Till, written: io.StringIO
) -> None:
    planted = ["张伟", "13800138000", "110101199003074477", "a@example.org"]
    async with one_till.client() as client:
        for number, value in enumerate(planted):
            await client.post(PATH, json=SALE | {"phone": value}, headers={"Idempotency-Key": f"{number}"})
            await client.get(f"/v1/customers/{value}", params={"name": value}, headers={"User-Agent": "x"})
        await client.post("/v1/bugs")

    text = written.getvalue()
    assert not [value for value in [*planted, "\\u5f20"] if value in text]
    requests = [line for line in lines(written) if line["event"] == "request"]
    assert len(requests) == 2 * len(planted) + 1
    assert requests[0] | {"request_id": "", "duration_ms": 0, "timestamp": ""} == {
        "event": "request", "level": "info", "service": "till", "source": "huitou.http", "request_id": "",
        "operation": "record_sale", "method": "POST", "status": 201, "duration_ms": 0, "timestamp": "",
        "principal_kind": "operator", "principal_id": one_till.runtime.vault.conceal("ana"),
    }  # fmt: skip


async def test_a_bug_is_logged_by_type_and_place_and_not_by_its_message(
    one_till: Till, written: io.StringIO
) -> None:
    async with one_till.client() as client:
        answer = await client.post("/v1/bugs")

    (bug,) = [line for line in lines(written) if line["level"] == "error"]
    assert bug["request_id"] == answer.headers["request-id"]
    assert bug["exception"] == "RuntimeError"
    assert "meet_bug" in bug["where"][-1]
    assert "secret" not in written.getvalue()


async def test_a_refusal_that_was_not_declared_is_answered_and_said(
    one_till: Till, written: io.StringIO
) -> None:
    async with one_till.client() as client:
        answer = await client.get("/v1/surprises")

    assert answer.status_code == 409
    (line,) = [line for line in lines(written) if line["level"] == "warning"]
    assert (line["operation"], line["code"]) == ("get_surprise", "till_closed")


async def test_the_trace_of_the_caller_is_taken_in(one_till: Till, written: io.StringIO) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with one_till.client() as client:
        await client.get(PATH, headers={"traceparent": trace})
        await client.get(PATH, headers={"traceparent": "00-nonsense"})

    assert [line.get("traceparent") for line in lines(written)] == [trace, None]


async def test_requests_are_counted_by_operation_and_status(one_till: Till) -> None:
    async with one_till.client() as client:
        await client.get(PATH)
        await client.get(PATH + "?x=1")
        await client.get("/v1/customers/cus_b/sales")
        await client.get("/nowhere/cus_a")
        metrics = (await client.get("/metrics")).text

    assert 'huitou_http_requests_total{operation="list_sales",service="till",status="200"} 2.0' in metrics
    assert 'huitou_http_requests_total{operation="list_sales",service="till",status="422"} 1.0' in metrics
    assert 'huitou_http_requests_total{operation="unrouted",service="till",status="404"} 1.0' in metrics
    assert 'huitou_http_request_seconds_count{operation="list_sales",service="till"} 3.0' in metrics
    assert 'huitou_sales{service="till"} 0.0' in metrics
    assert "cus_a" not in metrics


async def test_ready_is_said_of_a_database_at_head_and_taken_back_while_draining(till: Till) -> None:
    async with till.client(None) as client:

        async def is_ready() -> bool:
            """The database may need a moment for the first connection, and the answer does not wait for it."""
            return (await client.get("/health/ready")).status_code == 200

        await until(is_ready)
        ready = await client.get("/health/ready")
        till.app.state.health.draining = True
        draining = await client.get("/health/ready", headers={"Accept-Language": "zh"})
        live = await client.get("/health/live")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert (draining.status_code, draining.json()["code"]) == (503, "not_ready")
    assert draining.json()["reasons"] == ["服务正在停止。"]
    assert "retry-after" in draining.headers
    assert live.status_code == 200


async def test_not_ready_is_said_in_time_when_a_check_hangs(one_till: Till) -> None:
    async def hangs() -> Sequence[Issue]:
        await asyncio.Event().wait()
        return ()

    one_till.app.state.health.gates.append(hangs)
    async with asyncio.timeout(HANGS_SECONDS), one_till.client(None) as client:
        answer = await client.get("/health/ready")

    assert answer.status_code == 503


async def test_issues_are_said_in_plain_words_and_do_not_make_a_service_unready(one_till: Till) -> None:
    async def bus_away() -> Sequence[Issue]:
        return (
            Issue(
                "bus_away", "The event bus does not answer; events wait in the outbox.", "消息总线没有响应。"
            ),
        )

    one_till.app.state.health.watched.append(bus_away)
    async with one_till.client(None) as client:
        issues = await client.get("/health/issues")
        ready = await client.get("/health/ready")

    assert [issue["code"] for issue in issues.json()["issues"]] == ["bus_away"]
    assert ready.status_code == 200


async def test_keys_that_cannot_be_read_are_said_to_whoever_runs_it(one_till: Till) -> None:
    async with one_till.client() as client:
        public_keys_path(one_till.home).write_text("nonsense")
        refused = await client.get(PATH)
        issues = await client.get("/health/issues")

    assert (refused.status_code, refused.json()["code"]) == (503, "token_keys_unavailable")
    assert [issue["code"] for issue in issues.json()["issues"]] == ["token_keys_unreadable"]


async def test_a_database_without_our_tables_is_not_ready(one_till: Till) -> None:
    async with one_till.runtime.database.begin() as tx:
        for metadata in one_till.service.metadata:
            await tx.run_sync(metadata.drop_all)
        await tx.run_sync(lambda connection: connection.exec_driver_sql("DELETE FROM alembic_version"))
    async with one_till.client(None) as client:
        answer = await client.get("/health/ready")

    assert answer.status_code == 503
    assert "migrations" in answer.json()["reasons"][0]


async def test_a_list_is_read_to_its_end_in_pages(till: Till) -> None:
    async with till.client() as client:
        for number in range(7):
            await client.post(PATH, json=SALE, headers={"Idempotency-Key": str(number)})
        whole = (await client.get(PATH)).json()
        found, cursor = [], None
        for _ in range(4):
            page = (
                await client.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            found += page["items"]
            cursor = page["next_cursor"]

    assert LIMIT_DEFAULT >= 7
    assert whole["next_cursor"] is None
    assert found == whole["items"]
    assert cursor is None


async def test_a_cursor_serves_only_the_list_it_was_made_for(one_till: Till) -> None:
    async with one_till.client() as client:
        for number in range(3):
            await client.post(PATH, json=SALE, headers={"Idempotency-Key": str(number)})
        cursor = (await client.get(PATH + "?limit=1")).json()["next_cursor"]
        good = await client.get(PATH, params={"cursor": cursor})
        bad = [
            await client.get(PATH, params={"cursor": cursor, "amount_from": 1}),
            await client.get("/v1/customers/cus_b/sales", params={"cursor": cursor}),
            await client.get(PATH, params={"cursor": cursor[:-2] + "AA"}),
            await client.get(PATH, params={"cursor": "WyJhIl0"}),
            await client.get(PATH, params={"cursor": "é"}),
        ]

    assert good.status_code == 200
    assert [answer.json()["code"] for answer in bad] == ["cursor_invalid"] * len(bad)

"""A client that leaves something undone is not waited for without an end, and the process has so many connections."""

import asyncio
import io
import json
import select
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request

from shared import logs
from shared.http.edge import Edge
from shared.metrics import Metrics
from shared.run import bounded_http, limited_http, places, serving
from tests.parts import waiting

SOON = 0.3
"""A limit that has passed soon."""
LONG_SECONDS = 60.0
ENDS_SECONDS_MAX = 10.0
"""Far above the short limits and far below the long ones: tells which of them has held."""
GET = b"GET /now HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n"
LARGE_BYTES = 64 * 1024 * 1024

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def port() -> AsyncIterator[int]:
    listener, app, stopping = serving.listen("127.0.0.1", 0), FastAPI(), asyncio.Event()
    app.add_middleware(Edge, metrics=Metrics("port"))
    number: int = listener.getsockname()[1]

    @app.get("/now")
    async def now() -> str:
        return "answered"

    @app.post("/unread")
    async def unread() -> str:
        return "answered"

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.get("/large")
    async def large() -> str:
        return "x" * LARGE_BYTES

    serves = asyncio.create_task(serving.serve(app, listener, stopping, grace_seconds=0))
    try:
        yield number
    finally:
        stopping.set()
        await serves


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All limits far away: each test moves its own near."""
    monkeypatch.setattr(serving, "KEEP_ALIVE_SECONDS", LONG_SECONDS)
    for name in ("HEAD_SECONDS_MAX", "BODY_SECONDS_MAX", "TAKE_SECONDS_MAX"):
        monkeypatch.setattr(limited_http, name, LONG_SECONDS)
    return monkeypatch


async def test_who_connects_and_asks_nothing_is_sent_away(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "HEAD_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)

        assert await rest(client) == b""


async def test_who_has_asked_may_rest_for_longer(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "HEAD_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)
        await answered(client, GET)
        await asyncio.sleep(2 * SOON)

        assert await answered(client, GET) == b'"answered"'


async def test_who_rests_too_long_is_sent_away(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(serving, "KEEP_ALIVE_SECONDS", SOON)
    async with port() as number:
        client = await connected(number)
        await answered(client, GET)

        assert await rest(client) == b""


@pytest.mark.parametrize("half", [b"G", GET[:-2], b"\r\n"])
async def test_half_a_head_is_not_waited_for_without_an_end(limits: pytest.MonkeyPatch, half: bytes) -> None:
    limits.setattr(limited_http, "HEAD_SECONDS_MAX", SOON)
    async with port() as number:
        first, later = await connected(number), await connected(number)
        await answered(later, GET)
        for client in (first, later):
            client[1].write(half)

        assert [await rest(first), await rest(later)] == [b"", b""]


async def test_a_head_that_comes_byte_by_byte_has_the_same_time(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "HEAD_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)

        client[1].write(b"GET /")

        async def is_cut_while_it_drips() -> bool:
            client[1].write(b"x")
            return client[0].at_eof() or client[0].exception() is not None

        await waiting.until(is_cut_while_it_drips, seconds_max=ENDS_SECONDS_MAX)


async def test_a_body_that_does_not_come_is_answered_as_late(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "BODY_SECONDS_MAX", SOON)
    written = io.StringIO()
    logs.configure("port", stream=written)
    async with port() as number:
        client = await connected(number)
        client[1].write(POST + b"half")

        head, _, body = (await rest(client)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "body_late"
    assert json.loads(written.getvalue())["status"] == 408


CHUNKS = b" /body HTTP/1.1\r\nHost: test\r\nRequest-Id: of-a-client\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "together"),
    [(b"POST", True), (b"POST", False), (b"HEAD", True)],
    ids=["in one piece", "after its head", "a head"],
)
@pytest.mark.parametrize(
    "rest_of_body", [b"ZZ\r\n", b"ffffffffffffffffffff\r\n", b"0\r\nContent-Length: 3\r\n\r\n"]
)
async def test_a_body_that_is_no_http_is_refused_with_an_answer(
    method: bytes, rest_of_body: bytes, together: bool
) -> None:
    written = io.StringIO()
    logs.configure("port", stream=written)
    async with port() as number:
        client = await connected(number)
        client[1].write(method + CHUNKS)
        if not together:
            await client[1].drain()
            await answered(await connected(number), GET)
        client[1].write(rest_of_body)

        head, _, body = (await rest(client)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400")
    assert b"request-id: of-a-client" in head.lower()
    assert (body == b"") == (method == b"HEAD")
    assert method == b"HEAD" or json.loads(body)["request_id"] == "of-a-client"
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert "Fatal" not in written.getvalue()
    assert [line["status"] for line in lines if line.get("request_id") == "of-a-client"] == [400]


async def test_a_body_is_not_waited_for_after_its_answer_either(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "BODY_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)
        await answered(client, POST.replace(b"/body", b"/unread"))
        client[1].write(b"half")

        assert await rest(client) == b""


LONG_BODY = b"x" * (8 * 1024 * 1024)
"""Longer than the buffers of both sides, so that a client writes it only while the server reads."""


LENGTH = b"Content-Length: %d\r\n" % len(LONG_BODY)


@pytest.mark.parametrize(
    ("first_line", "more", "status"),
    [
        (b"POST /unread HTTP/1.1", b"Connection: close\r\nTransfer-Encoding: chunked\r\n", b"200"),
        (b"POST /body HTTP/1.1", b"Connection: close\r\n" + LENGTH, b"413"),
        (b"POST /body HTTP/1.1", LENGTH, b"413"),
        (b"POST /body HTTP/1.0", LENGTH, b"413"),
        (b"PUT /nowhere HTTP/1.1", b"Connection: close\r\nTransfer-Encoding: chunked\r\n", b"404"),
        (b"PUT /body HTTP/1.1", b"Connection: close\r\nTransfer-Encoding: chunked\r\n", b"405"),
        (b"POST /" + b"x" * 9_000 + b" HTTP/1.1", LENGTH, b"414"),
    ],
    ids=["close", "too large and close", "too large", "HTTP/1.0", "no such path", "no such method", "too long a path"],
)  # fmt: skip
async def test_a_client_that_is_answered_before_it_has_sent_its_body_can_send_it_and_read_the_answer(
    first_line: bytes, more: bytes, status: bytes
) -> None:
    async with port() as number:
        answer = await answered_before_the_body(number, first_line + b"\r\nHost: test\r\n" + more + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\n\r\n" in answer


async def test_a_client_without_a_place_can_send_its_request_and_read_the_answer(
    limits: pytest.MonkeyPatch,
) -> None:
    limits.setattr(places, "CONNECTIONS_MAX", places.ADDRESS_SHARE)
    async with port() as number:
        inside = await connected(number)
        inside[1].write(POST)
        await waiting.until(asked(1), seconds_max=ENDS_SECONDS_MAX)

        answer = await answered_before_the_body(number, b"")

    assert answer.startswith(b"HTTP/1.1 503")


async def test_a_client_whose_body_is_late_can_send_on_and_read_the_answer(
    limits: pytest.MonkeyPatch,
) -> None:
    limits.setattr(limited_http, "BODY_SECONDS_MAX", SOON)
    async with port() as number:
        answer = await answered_before_the_body(number, POST)

    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("limit", ["seconds", "bytes"])
async def test_a_client_that_is_answered_is_not_listened_to_without_an_end(
    limits: pytest.MonkeyPatch, limit: str
) -> None:
    limits.setattr(bounded_http, "LINGER_SECONDS", SOON if limit == "seconds" else LONG_SECONDS)
    limits.setattr(bounded_http, "DROPPED_BYTES_MAX", 1_000 if limit == "bytes" else 2 * len(LONG_BODY))
    async with port() as number:
        client = await connected(number)
        client[1].write(POST.replace(b"/body", b"/unread").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await rest(client)).startswith(b"HTTP/1.1 200")
        client[1].write(b"x" * (2_000 if limit == "bytes" else 5))

        async def is_cut() -> bool:
            return not len(limited_http.PLACES)

        await waiting.until(is_cut, seconds_max=ENDS_SECONDS_MAX)


async def test_chunks_that_nobody_wants_count_with_their_sizes(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(bounded_http, "UNWANTED_BYTES_MAX", 1_000)
    async with port() as number:
        client = await connected(number)
        await answered(client, b"POST" + CHUNKS.replace(b"/body", b"/unread"))
        client[1].write(b"1\r\nx\r\n" * 300)

        assert await rest(client) == b""


async def test_requests_in_time_go_on_for_longer_than_one_may_take(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "HEAD_SECONDS_MAX", SOON)
    limits.setattr(limited_http, "BODY_SECONDS_MAX", SOON)
    async with port() as number:
        client, ends = await connected(number), asyncio.get_running_loop().time() + 3 * SOON
        while asyncio.get_running_loop().time() < ends:
            client[1].write(GET[:9])
            await asyncio.sleep(SOON / 30)
            assert await answered(client, GET[9:]) == b'"answered"'
            client[1].write(POST)
            await asyncio.sleep(SOON / 30)
            assert await answered(client, b"0123456789") == b"10"


async def test_who_takes_nothing_of_a_long_answer_is_cut(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "TAKE_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)
        client[1].transport.pause_reading()  # type: ignore[attr-defined]
        client[1].write(GET.replace(b"/now", b"/large"))

        async def is_cut() -> bool:
            return not len(limited_http.PLACES)

        await waiting.until(asked(1), seconds_max=ENDS_SECONDS_MAX)
        await waiting.until(is_cut, seconds_max=ENDS_SECONDS_MAX)
        client[1].close()


async def test_who_finds_no_place_is_told_to_come_again_and_finds_one_later(
    limits: pytest.MonkeyPatch,
) -> None:
    limits.setattr(places, "CONNECTIONS_MAX", 2 * places.ADDRESS_SHARE)
    async with port() as number:
        inside = [await connected(number) for _ in range(2)]
        for client in inside:
            client[1].write(POST)
        await waiting.until(asked(2), seconds_max=ENDS_SECONDS_MAX)
        refused = await rest(await connected(number))
        kept = await answered(inside[0], b"0123456789")
        later = await answered(await connected(number), GET)

    assert refused.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in refused.lower()
    assert (kept, later) == (b"10", b'"answered"')


async def test_the_connection_that_has_rested_longest_gives_way(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(places, "CONNECTIONS_MAX", 3 * places.ADDRESS_SHARE)
    async with port() as number:
        busy, idle, fresh = [await connected(number) for _ in range(3)]
        busy[1].write(POST)
        await waiting.until(asked(1), seconds_max=ENDS_SECONDS_MAX)
        await answered(fresh, GET)

        later = await connected(number)

        assert await answered(later, GET) == b'"answered"'
        assert await rest(idle) == b""
        assert await answered(busy, b"0123456789") == b"10"
        assert await answered(fresh, GET) == b'"answered"'


async def test_who_sends_a_body_slowly_gives_way_after_a_while(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(places, "CONNECTIONS_MAX", places.ADDRESS_SHARE)
    limits.setattr(limited_http, "PATIENCE_SECONDS", SOON)
    async with port() as number:
        slow = await connected(number)
        slow[1].write(POST)
        await waiting.until(asked(1), seconds_max=ENDS_SECONDS_MAX)
        soon = await rest(await connected(number))
        await asyncio.sleep(2 * SOON)

        assert soon.startswith(b"HTTP/1.1 503")
        assert await answered(await connected(number), GET) == b'"answered"'


def asked(count: int) -> Callable[[], Awaitable[bool]]:
    async def are_asked() -> bool:
        return sum(connection.cycle is not None for connection in limited_http.PLACES) == count

    return are_asked


async def answered_before_the_body(number: int, head: bytes) -> bytes:
    """The answer to a client that sends a head, sees that it is answered, sends LONG_BODY all the same, and then reads."""
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", number)) as connection:
        connection.setblocking(False)
        await loop.sock_sendall(connection, head)

        async def is_answered() -> bool:
            return bool(select.select([connection], [], [], 0)[0])

        await waiting.until(is_answered, seconds_max=ENDS_SECONDS_MAX)
        await loop.sock_sendall(connection, LONG_BODY)
        answer = b""
        while more := await asyncio.wait_for(loop.sock_recv(connection, 65_536), ENDS_SECONDS_MAX):
            answer += more
    return answer


async def connected(number: int) -> Client:
    return await asyncio.open_connection("127.0.0.1", number)


async def rest(client: Client) -> bytes:
    """All that comes until the server closes."""
    return await asyncio.wait_for(client[0].read(), ENDS_SECONDS_MAX)


async def answered(client: Client, asked: bytes) -> bytes:
    """The body of the answer."""
    client[1].write(asked)
    head = (await asyncio.wait_for(client[0].readuntil(b"\r\n\r\n"), ENDS_SECONDS_MAX)).lower()
    assert head.startswith(b"http/1.1 200")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return await client[0].readexactly(int(length.split()[1]))

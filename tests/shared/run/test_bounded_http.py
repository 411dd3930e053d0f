"""What a client sends is bounded, and who is answered before it has sent everything can send it and read the answer."""

import asyncio
import json
import select
import socket

import pytest

from shared.run import bounded_http, limited_http, places
from tests.parts import waiting
from tests.parts.answered import note_raw
from tests.parts.connections import (
    CHUNKS,
    ENDS_SECONDS_MAX,
    GET,
    LONG_SECONDS,
    POST,
    SOON,
    answered,
    asked,
    connected,
    port,
    rest,
)

pytestmark = pytest.mark.usefixtures("limits")

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
        inside[1].close()

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
        client[1].write(
            POST.replace(b"/body", b"/unread").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
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


@pytest.mark.parametrize("more", [0, 1])
async def test_a_body_comes_in_so_many_chunks_at_most(limits: pytest.MonkeyPatch, more: int) -> None:
    limits.setattr(bounded_http, "CHUNKS_MAX", 100)
    async with port() as number:
        client = await connected(number)
        client[1].write(b"POST" + CHUNKS.replace(b"Request-Id", b"Connection: close\r\nRequest-Id"))
        client[1].write(b"1\r\nx\r\n" * (99 + more) + b"0\r\n\r\n")

        head, _, body = (await rest(client)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413" if more else b"HTTP/1.1 200")
    assert json.loads(body)["code"] == "too_many_chunks" if more else body == b"99"


async def test_others_need_not_wait_for_a_body_in_chunks_of_one_byte() -> None:
    """What is refused is dropped unread, so the chunks behind the limit cost nothing."""
    async with port() as number:
        client, other = await connected(number), await connected(number)
        client[1].write(b"POST" + CHUNKS + b"1\r\nx\r\n" * 2_000_000 + b"0\r\n\r\n")

        assert await answered(other, GET) == b'"answered"'
        answer = await rest(client)
        client[1].transport.abort()

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"too_many_chunks" in answer


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
        note_raw(answer)
    return answer

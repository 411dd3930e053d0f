"""A client that leaves something undone is not waited for without an end, and the process has so many connections."""

import asyncio
import io
import json

import pytest

from shared import logs
from shared.run import limited_http, places, serving
from tests.parts import waiting
from tests.parts.connections import (
    CHUNKS,
    ENDS_SECONDS_MAX,
    GET,
    POST,
    SOON,
    answered,
    asked,
    connected,
    port,
    rest,
)

pytestmark = [pytest.mark.usefixtures("limits"), pytest.mark.slow]


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
    assert b"request-id: 4bf92f3577b34da6a3ce929d0e0e4736" in head.lower()
    assert (body == b"") == (method == b"HEAD")
    assert method == b"HEAD" or json.loads(body)["request_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert "Fatal" not in written.getvalue()
    assert [
        line["status"] for line in lines if line.get("request_id") == "4bf92f3577b34da6a3ce929d0e0e4736"
    ] == [400]


async def test_a_body_is_not_waited_for_after_its_answer_either(limits: pytest.MonkeyPatch) -> None:
    limits.setattr(limited_http, "BODY_SECONDS_MAX", SOON)
    async with port() as number:
        client = await connected(number)
        await answered(client, POST.replace(b"/body", b"/unread"))
        client[1].write(b"half")

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

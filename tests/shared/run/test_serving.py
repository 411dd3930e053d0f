"""A server that is told to stop: what was asked is answered, on every kind of connection."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from fastapi import FastAPI

from shared.run import serving
from tests.parts import waiting

GET = b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n"
LONG_SECONDS = 60.0
"""A grace that no test waits for."""
LATE_MAX = 100
"""Clients that come after the server has begun to close its port, before it is clear that they hold the port open."""


@dataclass(slots=True)
class House:
    """A server on a port of its own, with one route that answers when it is let."""

    listener: socket.socket
    let: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Task[None] | None = None
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.listener.getsockname()[1]

    @property
    def is_closing(self) -> bool:
        """Whether the server has begun to close its port."""
        return self.listener.fileno() < 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def is_asked(self) -> bool:
        return self.asked > 0

    async def is_closed(self) -> bool:
        try:
            _, writer = await self.connect()
        except OSError:
            return True
        writer.close()
        return False

    async def end(self) -> None:
        assert self.stopped is not None
        await asyncio.wait_for(self.stopped, serving.DRAIN_SECONDS_MAX / 2)


@asynccontextmanager
async def opened(*, grace_seconds: float) -> AsyncIterator[House]:
    listener = serving.listen("127.0.0.1", 0)
    house, app = House(listener), FastAPI()

    @app.get("/slow")
    async def answer() -> str:
        house.asked += 1
        await house.let.wait()
        return "answered"

    house.stopped = asyncio.create_task(
        serving.serve(app, listener, house.stopping, grace_seconds=grace_seconds)
    )
    try:
        yield house
    finally:
        house.let.set()
        house.stopped.cancel()
        await asyncio.gather(house.stopped, return_exceptions=True)


async def test_in_its_time_of_grace_a_server_goes_on_and_every_answer_is_the_last_of_its_connection() -> None:
    async with opened(grace_seconds=LONG_SECONDS) as house:
        house.let.set()
        reader, writer = await house.connect()
        before = await asked(reader, writer)
        house.stopping.set()
        await asyncio.sleep(0)

        kept = await asked(reader, writer)
        fresh = await asked(*await house.connect())

        assert b"connection: close" not in before
        assert b"connection: close" in kept
        assert b"connection: close" in fresh
        assert await reader.read() == b""


async def test_what_is_being_answered_when_the_port_closes_is_answered() -> None:
    async with opened(grace_seconds=0) as house:
        reader, writer = await house.connect()
        writer.write(GET)
        await waiting.until(house.is_asked, what="the request is being answered")
        house.stopping.set()
        await waiting.until(house.is_closed, what="the port is closed")
        house.let.set()

        answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        await house.end()


async def test_who_was_connected_and_had_not_asked_yet_may_still_ask() -> None:
    async with opened(grace_seconds=0) as house:
        house.let.set()
        reader, writer = await house.connect()
        house.stopping.set()
        await waiting.until(house.is_closed, what="the port is closed")

        assert (await asked(reader, writer)).startswith(b"HTTP/1.1 200")
        await house.end()


async def test_half_a_request_is_waited_for() -> None:
    async with opened(grace_seconds=0) as house:
        house.let.set()
        reader, writer = await house.connect()
        await asked(reader, writer)
        writer.write(GET[:20])
        await writer.drain()
        house.stopping.set()
        await waiting.until(house.is_closed, what="the port is closed")
        writer.write(GET[20:])

        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        await house.end()


async def test_who_waits_at_the_port_is_let_in_before_it_is_closed() -> None:
    async with opened(grace_seconds=0) as house:
        house.let.set()
        await asked(*await house.connect())
        house.stopping.set()
        waiting_at_the_port = []
        for _ in range(50):  # the kernel accepts them; the server has not had its turn yet
            client = socket.create_connection(("127.0.0.1", house.port))
            client.sendall(GET)
            client.setblocking(False)
            waiting_at_the_port.append(client)

        loop = asyncio.get_running_loop()
        answers = [await loop.sock_recv(client, 1_000) for client in waiting_at_the_port]

        assert {answer[:12] for answer in answers} == {b"HTTP/1.1 200"}
        await house.end()


async def test_clients_that_come_one_after_another_do_not_hold_the_port_open() -> None:
    async with opened(grace_seconds=0) as house:
        house.stopping.set()
        late = 0
        with suppress(ConnectionRefusedError):  # the port is closed
            while late < LATE_MAX:  # somebody waits at the port at each turn of the server
                late += house.is_closing
                socket.create_connection(("127.0.0.1", house.port)).close()
                await asyncio.sleep(0)

        assert late <= 1
        await house.end()


async def test_a_connection_at_rest_does_not_hold_the_server_up() -> None:
    async with opened(grace_seconds=0) as house:
        house.let.set()
        reader, writer = await house.connect()
        await asked(reader, writer)
        await house.connect()
        house.stopping.set()

        await house.end()

        assert await reader.read() == b""


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The answer's head, its body read too."""
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len('"answered"'))
    return head.lower().replace(b"http", b"HTTP")

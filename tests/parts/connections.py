"""A small app behind a real port, and clients that speak to it in bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from shared.http.edge import Edge
from shared.metrics import Metrics
from shared.run import limited_http, serving
from tests.parts.answered import note_raw

SOON = 0.3
"""A limit that has passed soon."""
LONG_SECONDS = 60.0
ENDS_SECONDS_MAX = 10.0
"""Far above the short limits and far below the long ones: tells which of them has held."""
GET = b"GET /now HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n"
LARGE_BYTES = 64 * 1024 * 1024

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


CHUNKS = b" /body HTTP/1.1\r\nHost: test\r\nRequest-Id: 4bf92f3577b34da6a3ce929d0e0e4736\r\nTransfer-Encoding: chunked\r\n\r\n"


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


def asked(count: int) -> Callable[[], Awaitable[bool]]:
    async def are_asked() -> bool:
        return sum(connection.cycle is not None for connection in limited_http.PLACES) == count

    return are_asked


async def connected(number: int) -> Client:
    return await asyncio.open_connection("127.0.0.1", number)


async def rest(client: Client) -> bytes:
    """All that comes until the server closes."""
    answers = await asyncio.wait_for(client[0].read(), ENDS_SECONDS_MAX)
    note_raw(answers)
    return answers


async def answered(client: Client, asked: bytes) -> bytes:
    """The body of the answer."""
    client[1].write(asked)
    head = (await asyncio.wait_for(client[0].readuntil(b"\r\n\r\n"), ENDS_SECONDS_MAX)).lower()
    assert head.startswith(b"http/1.1 200")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return await client[0].readexactly(int(length.split()[1]))

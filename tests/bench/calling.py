"""A load client that costs next to nothing: HTTP/1.1 on connections that stay open, one request at a time on each."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import cast

HEAD_ENDS = b"\r\n\r\n"


class Callers:
    """Some open connections to one server on this machine."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._count = connections
        self._connections: list[_Connection] = []

    async def ask(self, requests: Sequence[bytes]) -> list[bytes]:
        """Send all of these, as many at a time as there are connections; answers the bodies, as they came."""
        loop = asyncio.get_running_loop()
        while len(self._connections) < self._count:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
            self._connections.append(connection)
        waiting, bodies, done = deque(requests), list[bytes](), loop.create_future()
        for connection in self._connections:
            connection.work(waiting, bodies, len(requests), done)
        await done
        return bodies

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""

    def work(
        self, waiting: deque[bytes], bodies: list[bytes], count: int, done: asyncio.Future[None]
    ) -> None:
        """Take requests until none is left."""
        self._waiting, self._bodies, self._wanted, self._done = waiting, bodies, count, done
        self._next()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, ended, body = self._buffer.partition(HEAD_ENDS)
        if not ended:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 2"):
            self._done.set_exception(AssertionError(f"refused: {head!r} {body!r}"))
            return
        self._bodies.append(body)
        if len(self._bodies) == self._wanted:
            self._done.set_result(None)
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._done.done():
            self._transport.write(self._waiting.popleft())


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """One request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body

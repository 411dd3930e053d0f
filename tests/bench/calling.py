"""A load client that costs next to nothing: HTTP/1.1 on connections that stay open, one request at a time on each."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import cast

HEAD_ENDS = b"\r\n\r\n"
LINES_MAX = 400
"""Most connections at once: more requests than that in the air are no load any more but a pile."""
IDLE_SECONDS_MAX = 3.0
"""A connection that was not used for longer is not trusted: the server hangs up after five."""


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


class Lines:
    """Connections that stay open, as many as are asked on at once: for load that comes by the clock."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[float, _Line]] = []
        self._lines: list[_Line] = []

    async def ask(self, sent: bytes) -> bytes:
        """Send a request on a free connection, or a new one; answers the body."""
        line = self._taken() or await self._open()
        answer = await line.ask(sent)
        self._free.append((time.monotonic() + IDLE_SECONDS_MAX, line))
        return answer

    def _taken(self) -> "_Line | None":
        while self._free:
            until, line = self._free.pop()
            if time.monotonic() < until:
                return line
            self._lines.remove(line)
            line.close()
        return None

    async def _open(self) -> "_Line":
        assert len(self._lines) < LINES_MAX, f"{LINES_MAX} requests at once wait for their answers"
        _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", self._port)
        self._lines.append(line)
        return line

    def close(self) -> None:
        """Close the connections."""
        for line in self._lines:
            line.close()


class _Wire(asyncio.Protocol):
    """Puts answers together."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""

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
        self.answered(head, body)

    def answered(self, head: bytes, body: bytes) -> None:
        """An answer is complete."""
        raise NotImplementedError


class _Line(_Wire):
    _answer: asyncio.Future[bytes] | None = None

    def ask(self, sent: bytes) -> asyncio.Future[bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(sent)
        return self._answer

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server hung up"))

    def answered(self, head: bytes, body: bytes) -> None:
        assert self._answer is not None
        if self._answer.done():  # nobody waits any more
            return
        if head.startswith(b"HTTP/1.1 2"):
            self._answer.set_result(body)
        else:
            self._answer.set_exception(AssertionError(f"refused: {head!r} {body!r}"))


class _Connection(_Wire):
    def work(
        self, waiting: deque[bytes], bodies: list[bytes], count: int, done: asyncio.Future[None]
    ) -> None:
        """Take requests until none is left."""
        self._waiting, self._bodies, self._wanted, self._done = waiting, bodies, count, done
        self._next()

    def answered(self, head: bytes, body: bytes) -> None:
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

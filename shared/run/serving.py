"""Serve HTTP with one uvicorn server per service. Several servers can share a process.

A server that is told to stop loses no request. For a time of grace it goes on as before, but every answer says
`Connection: close`, and whoever asks for its health is told that it is not ready: balancers and clients go elsewhere.
Then it takes the connections that the system has already accepted for it, closes its port, answers what was asked on
any connection, and closes those on which nothing is being said.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from shared.run.limited_http import LimitedHttp
from shared.service.service import Service
from shared.speech import words

DRAIN_SECONDS_MAX = 6
"""The most seconds that a request may take after the port is closed."""
MOMENT_SECONDS = 0.5
"""The grace without a load balancer: enough to tell connections that are in use to close."""
FIRST_REQUEST_SECONDS_MAX = 1.0
"""The most seconds that a connection without any request stays open after the port is closed."""
KEEP_ALIVE_SECONDS = 75
"""The time that a connection may rest between two requests, or before its first. Longer than clients and balancers rest (60 s
is usual): who sends on a connection should be who closes it, else a request meets a connection that is just being closed."""
BACKLOG_MAX = 2048


class PortTaken(Exception):
    """Another program listens on the port. The message says how to choose another port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(words(__name__, "port_taken", port=port, host=host))
        self.port = port


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG_MAX)
    except OSError as error:
        listener.close()
        raise PortTaken(host, port) from error
    listener.setblocking(False)
    return listener


async def serve(
    app: FastAPI,
    listener: socket.socket,
    stopping: asyncio.Event,
    *,
    grace_seconds: float = MOMENT_SECONDS,
    proxies: str = "",
) -> None:
    """Answer until asked to stop. For `grace_seconds` more, tell clients to close; then finish the open requests.

    `proxies` are the addresses and networks whose X-Forwarded-For is believed.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=_Connection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
            backlog=BACKLOG_MAX,
        ),
        listener,
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    server.tell_to_close()
    await asyncio.wait({serving}, timeout=grace_seconds)
    server.stop()
    await serving


def address(service: Service) -> str:
    """Return the address of the service for callers on this machine."""
    return f"http://{service.settings.host}:{service.settings.port}"


class _Server(uvicorn.Server):
    """A server that leaves signals to its process, and answers every accepted connection before it stops."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()
        self._listener = listener.dup()
        """A second handle of the port, which is open after uvicorn has closed its own."""

    async def main_loop(self) -> None:
        """Wait until the server is stopped. There is nothing to do ten times a second, as uvicorn's own loop does."""
        await self._stopped.wait()

    def stop(self) -> None:
        """Ask the server to finish the open requests and end."""
        self.should_exit = True
        self._stopped.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def tell_to_close(self) -> None:
        """Send `Connection: close` with every answer from now on."""
        self.config.encoded_headers.append(CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in self.server_state.connections:
            if isinstance(connection, _Connection):
                connection.tell_to_close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept the connections that wait at the port, close it, and answer every request."""
        for server in self.servers:
            server.close()
        for accepted in self._close_port():
            await self._take(accepted)
        await super().shutdown(sockets)

    def _close_port(self) -> list[socket.socket]:
        """Close the port, and return the connections that waited at it.

        Nothing else runs between these two. Else clients that come one after another would hold the port open until the
        process breaks off, and whoever waits then would be cut off.
        """
        accepted: list[socket.socket] = []
        with self._listener, contextlib.suppress(BlockingIOError):
            for _ in range(BACKLOG_MAX):
                accepted.append(self._listener.accept()[0])  # noqa: PERF401 - the error ends it
        return accepted

    async def _take(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        with contextlib.suppress(OSError):  # the client has already gone
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Connection(self.config, self.server_state, self.lifespan.state), accepted
            )


class _Connection(LimitedHttp):
    """A connection that is closed only while no request is arriving or being answered on it."""

    def tell_to_close(self) -> None:
        """Make the present answer the last, or the next answer if the head of the present one is already sent."""
        if self._is_answering() and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection now, or after its present request."""
        if self._is_answering():
            self.cycle.keep_alive = False
        elif self._is_new():
            self.loop.call_later(FIRST_REQUEST_SECONDS_MAX, self.timeout_keep_alive_handler)
        else:
            self.timeout_keep_alive_handler()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless a request is arriving or being answered."""
        if not (self._is_answering() or self._is_asking() or self._has_bytes()):
            super().timeout_keep_alive_handler()

    def _is_new(self) -> bool:
        """Return whether no request has begun on the connection."""
        return self._begun == 0

    def _is_asking(self) -> bool:
        """Return whether the head of a request is arriving."""
        return self._coming == "head" and not self._refused


CLOSE = (b"connection", b"close")

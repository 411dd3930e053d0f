"""HTTP: one uvicorn server a service; several of them can share a process."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from shared.service import Service

DRAIN_SECONDS_MAX = 15
BACKLOG_MAX = 2048


class PortTaken(Exception):
    """Somebody else listens on the port; the message says how to choose another."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} of {host} is taken. Stop the program that listens there, "
            "or choose other ports: HUITOU_PORT_BASE=9000 huitou up."
        )
        self.port = port


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortTaken."""
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


async def serve(app: FastAPI, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Answer until asked to stop; then finish what is being answered."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
            backlog=BACKLOG_MAX,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stop.cancel()
    await serving


def address(service: Service) -> str:
    """Where the service is reached from this machine."""
    return f"http://{service.settings.host}:{service.settings.port}"


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

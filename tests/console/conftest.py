"""A console before the four services, without their databases: they serve their documents."""

from collections.abc import AsyncIterator, Mapping

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from huitou import registry
from services.console.main import create_app
from services.console.settings import PORT_OFFSETS, Settings
from shared.http.app import build_app

PORT_BASE = 9000


class ByPort:
    """The apps of several services; a request goes to the one at its port. `away` are the services that do not answer."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = {PORT_BASE + PORT_OFFSETS[name]: (name, app) for name, app in apps.items()}
        self.away: set[str] = set()
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, app = self._apps[scope["server"][1]]
        self.asked.append(f"{name} {scope['path']}")
        if name in self.away:
            raise httpx2.ConnectError("nobody listens")
        await app(scope, receive, send)


@pytest.fixture(scope="session")
def apps() -> dict[str, FastAPI]:
    return {service.name: build_app(service) for service in registry.services()}


@pytest.fixture
def services(apps: dict[str, FastAPI]) -> ByPort:
    return ByPort(apps)


@pytest.fixture
async def reader(services: ByPort) -> AsyncIterator[httpx2.AsyncClient]:
    """A reader of the console."""
    app = create_app(Settings(port_base=PORT_BASE))
    app.state.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(services))
    app.state.forwarding = httpx2.AsyncClient(transport=httpx2.ASGITransport(services))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://console") as client:
        yield client

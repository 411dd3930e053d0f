"""What a path answers to HEAD and to OPTIONS, in every service: as GET without a body, and the methods that the path has."""

from collections import defaultdict
from collections.abc import Mapping

import httpx2

from services.console.main import create_app
from services.console.settings import Settings as ConsoleSettings
from tests.contract.http.asking import ANYTHING, named_in_path
from tests.parts.opened import ADMIN, Opened

OF_EVERY_SERVICE = (
    "/openapi.json",
    "/asyncapi.json",
    "/docs",
    "/docs/start.js",
    "/problems/not_found",
    "/health/live",
)


async def test_head_is_answered_as_get_and_options_with_the_methods_of_the_path(house: Opened) -> None:
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for route in house.routes:
        path = route.path_format.format_map(dict.fromkeys(named_in_path(route), ANYTHING))
        methods[path].add(route.method)
    async with house.client(ADMIN) as client:
        for path in OF_EVERY_SERVICE:
            await _must_have(client, path, {"GET"})
        for path, those in methods.items():
            await _must_have(client, path, those)


async def test_the_console_answers_as_the_services() -> None:
    app = create_app(ConsoleSettings())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://console") as client:
        for path in ("/health/live", "/health/ready"):
            await _must_have(client, path, {"GET"})
        page = await client.options("/")
    assert (page.status_code, page.headers["allow"]) == (405, "GET, HEAD")


async def _must_have(client: httpx2.AsyncClient, path: str, methods: set[str]) -> None:
    told = await client.options(path)
    with_head = methods | ({"HEAD"} if "GET" in methods else set())
    assert (path, told.status_code, told.headers["allow"]) == (path, 405, ", ".join(sorted(with_head)))
    head = await client.head(path)
    if "GET" not in methods:
        assert (path, head.status_code, head.headers["allow"]) == (path, 405, told.headers["allow"])
        return
    get = await client.get(path)
    assert (path, head.status_code, head.content) == (path, get.status_code, b"")
    assert _of_content(head.headers) == _of_content(get.headers)


def _of_content(headers: Mapping[str, str]) -> dict[str, str]:
    names = ("content-type", "content-length", "etag", "cache-control", "content-disposition")
    return {name: headers[name] for name in names if name in headers}

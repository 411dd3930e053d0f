"""The one address of all services: a request to `/loyalty/v1/…` is passed on to loyalty as it came, with its token.

So a page of the console can call every service though its policy lets it call no other origin. The console adds no right of its
own: who may do what is decided by the service.
"""

import re
from collections.abc import AsyncIterator, Mapping

import httpx2
from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from services.console.merging import ADDRESSES
from services.console.refusals import ServiceAway
from shared.http.operation import NotFound
from shared.http.problems import REQUEST_ID
from shared.limits import BATCH_BODY_BYTES_MAX, IMPORT_BODY_BYTES_MAX
from shared.trust import authorities

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN = ("/v1/", "/oauth/", "/health/")
"""The beginnings of the paths that are passed on. Documents and measures are asked of the service itself."""
CONNECTIONS_MAX = 100
IDLE_CONNECTIONS_MAX = 20
"""The connections that stay open for the next request."""
CONNECT_SECONDS_MAX = 2.0
ANSWER_SECONDS_MAX = 30.0
LIMITS = httpx2.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=IDLE_CONNECTIONS_MAX)
TIMES = httpx2.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX, pool=CONNECT_SECONDS_MAX)
LONGER_BODIES = (
    (re.compile(r"/\w+/v1/[^/]+:batch$"), BATCH_BODY_BYTES_MAX),
    (re.compile(r"/\w+/v1/imports(/[\w-]+)?$"), IMPORT_BODY_BYTES_MAX),
)
"""The paths whose operations take longer bodies than others. A test compares them with what the services declare."""
_OF_ONE_CONNECTION = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"host", b"expect",
    }
)  # fmt: skip
"""The headers of a message that are about the connection it came on."""
_OURS = _OF_ONE_CONNECTION | {b"request-id", b"x-forwarded-for"}
_LOCATION = b"location"
_JSON = "application/json"
_ADDRESS = re.compile(rf'"(?:{"|".join(ADDRESSES)})":"(?=/v1/)'.encode())
_ADDRESS_BYTES_MAX = max(len(f'"{name}":"/v1/') for name in ADDRESSES)


def client() -> httpx2.AsyncClient:
    """Return a client whose connections are for requests that are passed on."""
    return httpx2.AsyncClient(limits=LIMITS, timeout=TIMES, follow_redirects=False, verify=authorities())


def install(app: FastAPI, addresses: Mapping[str, str]) -> None:
    """Pass the requests of each service on. `app.state.forwarding` is the client."""

    async def pass_on(request: Request) -> Response:
        name = request.scope["path"].split("/", 2)[1]
        return await _pass_on(app.state.forwarding, request, name, addresses[name])

    for name in addresses:
        for beginning in OPEN:
            app.router.add_route(
                f"/{name}{beginning}{{rest:path}}", pass_on, methods=[*METHODS], include_in_schema=False
            )


async def _pass_on(client: httpx2.AsyncClient, request: Request, name: str, address: str) -> Response:
    """Send the request to the service, and its answer to the caller piece by piece. Raises ServiceAway, NotFound."""
    passed = client.build_request(
        request.method,
        _target(request, name, address),
        headers=_headers(request),
        content=request.stream() if _has_body(request) else None,
    )
    if not passed.url.path.startswith(OPEN):
        raise NotFound  # `..` leads out of what is open
    try:
        answer = await client.send(passed, stream=True)
    except httpx2.TransportError:
        raise ServiceAway from None
    pieces, dropped = _pieces(answer), _OURS
    if answer.headers.get("content-type", "").partition(";")[0] == _JSON:
        pieces, dropped = _under(name, pieces), _OURS | {b"content-length"}
    response = StreamingResponse(pieces, status_code=answer.status_code)
    response.raw_headers = [
        (key.lower(), f"/{name}".encode() + value if key.lower() == _LOCATION else value)
        for key, value in answer.headers.raw
        if key.lower() not in dropped
    ]
    return response


def _target(request: Request, name: str, address: str) -> str:
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    path = raw.decode("latin-1").partition("?")[0].removeprefix(f"/{name}")
    return f"{address}{path}" + (f"?{query.decode('latin-1')}" if query else "")


def _headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Return the headers for the service: the caller's, the id of this request, and the caller's address."""
    headers = [(key, value) for key, value in request.headers.raw if key not in _OURS]
    forwarded = request.headers.getlist("x-forwarded-for")
    if request.client is not None:
        forwarded = [*forwarded, request.client.host]
    headers += [
        (b"request-id", request.scope[REQUEST_ID].encode()),
        (b"x-forwarded-for", ", ".join(forwarded).encode()),
    ]
    given = {key for key, _ in headers}
    unsaid = {b"accept": b"*/*", b"accept-encoding": b"identity", b"user-agent": b""}
    return headers + [(key, value) for key, value in unsaid.items() if key not in given]


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _pieces(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


async def _under(name: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield an answer in JSON with the name of its service before each address in it.

    Services write JSON without spaces. In a text that a person wrote, a quote has a backslash before it, so no text is changed.
    """
    before, rest = rf"\g<0>/{name}".encode(), b""
    async for piece in pieces:
        text = _ADDRESS.sub(before, rest + piece)
        cut = max(len(text) - _ADDRESS_BYTES_MAX, 0)
        rest = text[cut:]
        yield text[:cut]
    yield rest

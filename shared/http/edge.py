"""The one middleware, pure ASGI: request id, body limit, CORS, metrics, the log line, and the answer to unexpected errors."""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any, cast

from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import logs
from shared.auth.principal import Principal
from shared.db import failures
from shared.events.cloudevents import TRACEPARENT_SHAPE
from shared.http import paths, problems
from shared.http.cors import Cors, Page
from shared.http.dependencies import PRINCIPAL
from shared.http.guard import TRACEPARENT
from shared.http.limiter import STANDING
from shared.http.operation import NotFound
from shared.http.problems import ANSWERED, PLAIN_HEADERS, REQUEST_ID, BodyTooLarge, DiskFull, Unavailable
from shared.http.rates import Standing
from shared.limits import BODY_BYTES_MAX
from shared.metrics import Metrics
from shared.spelling import CONTROL_CHARACTERS

CLIENT_GONE = 499
UNROUTED = "unrouted"
_TRACEPARENT = re.compile(TRACEPARENT_SHAPE.encode())
_PLAIN = [(name.lower().encode(), value.encode()) for name, value in PLAIN_HEADERS.items()]

log = logs.named(
    "huitou.http",
    keys=(
        "duration_ms",
        "method",
        "operation",
        "principal_id",
        "principal_kind",
        "request_id",
        "status",
        "traceparent",
    ),
)


class Edge:
    """The middleware around the whole app of one service."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        cors: Cors | None = None,
        longer_bodies: Sequence[tuple[re.Pattern[str], int]] = (),
    ) -> None:
        """Create the middleware. `longer_bodies` are the paths that take more than BODY_BYTES_MAX, and how much."""
        self.app = app
        self.metrics = metrics
        self._longer_bodies = longer_bodies
        self._cors = cors or Cors((), ())
        self._quiet = logs.QuietLog(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request to the app, and count and log its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, method = time.perf_counter(), scope["method"]
        request = _Request(scope, receive, send, self._quiet, self._cors, self.body_bytes_max(scope["path"]))
        self.metrics.in_flight += 1
        try:
            await request.pass_through(self.app)
        finally:
            self.metrics.in_flight -= 1
            seconds = time.perf_counter() - began
            operation = _operation(request.scope)
            self.metrics.answered(operation, request.status, seconds)
            _write_line(request.scope, self.metrics.service, operation, method, request.status, seconds)

    def body_bytes_max(self, path: str) -> int:
        """Return the limit of a body, by its path alone: a request that is too long is refused before its operation is looked for."""
        return next((limit for pattern, limit in self._longer_bodies if pattern.match(path)), BODY_BYTES_MAX)


class _Request:
    """One request: limits its body, and adds the request id to its answer."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        quiet: logs.QuietLog,
        cors: Cors,
        body_bytes_max: int,
    ) -> None:
        self._id = problems.request_id(scope)
        self._asked = scope
        self._has_body = scope["method"] != "HEAD"
        if not self._has_body:  # it is answered as GET, without the body
            scope = {**scope, "method": "GET"}
        paths.keep_encoded_slashes(scope)
        self.scope = scope
        self._quiet = quiet
        self.status = 500
        self._receive, self._send = receive, send
        self._started = False
        self._received = 0
        self._limit = body_bytes_max
        self._declared = 0
        self._page: Page | None = None
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit():
                self._declared = int(value)
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                scope[TRACEPARENT] = value.decode()
            elif name == b"origin":
                self._page = cors.page(value, scope)

    async def pass_through(self, app: ASGIApp) -> None:
        """Run the app. An error becomes a problem document, unless an answer has begun."""
        try:
            if CONTROL_CHARACTERS.search(self.scope["path"]):
                raise NotFound  # here, because a router takes a line break at the end of a path for the end of the path
            if self._declared > self._limit:
                raise BodyTooLarge(limit=self._limit)
            if self._page is not None and self._page.asked is not None:
                self.scope["endpoint"] = self._page.preflight
                await self._answer(self._page.preflight())
                return
            await app(self.scope, self.receive, self.send)
        except (BodyTooLarge, NotFound) as error:
            await self._answer(problems.respond(error, self.scope))
        except (ClientDisconnect, asyncio.CancelledError) as error:
            self.status = self._asked.get(ANSWERED, CLIENT_GONE)
            if isinstance(error, asyncio.CancelledError):
                raise
        except Exception as error:
            if not self._started and failures.is_transient(error):
                self._quiet.warning("the database is away or busy", request_id=self._id, exc_info=error)
                refusal = DiskFull() if failures.is_full_disk(error) else Unavailable()
                await self._answer(problems.respond(refusal, self.scope))
                return
            log.error("a request met a bug", request_id=self._id, exc_info=error)
            if self._started:
                raise
            await self._answer(problems.respond_internal(self.scope))

    async def receive(self) -> Message:
        """Return the next piece of the body. Raises BodyTooLarge once the pieces exceed the limit, whatever length was declared."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._limit:
                raise BodyTooLarge(limit=self._limit)
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, with the request id and what is left of the rate limit in its headers."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = self._asked.get(ANSWERED, message["status"])
            headers = message["headers"] = list(message.get("headers", ()))
            headers.append((b"request-id", self._id.encode()))
            standing: Standing | None = self.scope.get(STANDING)
            if standing is not None:
                headers += standing.headers()
            if self._page is not None:
                headers += self._page.headers()
            given = {name for name, _ in headers}
            headers += [header for header in _PLAIN if header[0] not in given]
        elif not self._has_body:
            message = {**message, "body": b""}
        await self._send(message)

    async def _answer(self, response: Any) -> None:
        await response(self.scope, self._receive, self.send)


def _operation(scope: Scope) -> str:
    """Return the operation's id, or the name of the function that answers, or UNROUTED."""
    route = cast("BaseRoute | None", scope.get("route"))
    name = getattr(route, "operation_id", None) or getattr(scope.get("endpoint"), "__name__", None)
    return name or UNROUTED


def _write_line(scope: Scope, service: str, operation: str, method: str, status: int, seconds: float) -> None:
    principal = cast("Principal | None", scope.get(PRINCIPAL))
    fields: dict[str, Any] = {
        "service": service,
        "request_id": scope[REQUEST_ID],
        "operation": operation,
        "method": method,
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
    }
    if principal is not None:
        fields |= {"principal_kind": principal.kind, "principal_id": principal.id}
    if TRACEPARENT in scope:
        fields["traceparent"] = scope[TRACEPARENT]
    log.info("request", **fields)

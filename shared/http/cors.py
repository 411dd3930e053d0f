"""CORS: the pages of other origins that may call an operation from a browser (the Fetch standard).

Only the origins of HUITOU_CORS_ORIGINS may, and only operations that customers may call. Tokens are sent in a header, so an
answer allows no credentials that a browser adds by itself. To all other requests nothing is added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fastapi import Response
from starlette.routing import Match
from starlette.types import Scope

from shared.http import etags
from shared.http.idempotency import HIT_HEADER
from shared.http.operation import Operation
from shared.http.rates import LEFT_HEADER, POLICY_HEADER
from shared.http.routes import Route

PREFLIGHT_SECONDS = 600
"""The time for which a browser may keep the answer to a preflight request."""
EXPOSED = (
    "Allow",
    etags.HEADER,
    HIT_HEADER,
    "Location",
    LEFT_HEADER,
    POLICY_HEADER,
    "Request-Id",
    "Retry-After",
)
"""The headers of an answer that a page may read, beside those that every page may read."""
_ASKED_METHOD = b"access-control-request-method"
_TAKEN = ("Accept-Language", "Authorization", "Request-Id", "traceparent")
IN_WORDS = """
**Browsers.** A page of another origin can call the operations that customers may call, if `HUITOU_CORS_ORIGINS` names its origin.
If another page calls, or it calls another operation, the browser sends no request with a token, and withholds the answer to one
without. This is the browser's doing and stops no other client: what a token may do depends on the token alone.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an allowed origin, at a path with operations for customers."""

    origin: bytes
    operations: dict[str, Operation]
    """The operations for customers at this path, by method."""
    asked: bytes | None
    """The method for which the browser asks in a preflight request; None in every other request."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers with which a browser lets the page read the answer."""
        return [
            (b"access-control-allow-origin", self.origin),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

    def preflight(self) -> Response:
        """Return the answer to a preflight request. It says what the page may send, and needs no token."""
        method = _as_get((self.asked or b"").decode("latin-1"))
        operations = [self.operations[method]] if method in self.operations else self.operations.values()
        taken = {*_TAKEN}.union(*map(_headers_of, operations))
        headers = {
            "Access-Control-Allow-Methods": ", ".join(_methods(self.operations)),
            "Access-Control-Allow-Headers": ", ".join(sorted(taken)),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            "Vary": "Access-Control-Request-Method",
        }
        return Response(status_code=204, headers=headers)


class Cors:
    """The origins that an installation allows, and the operations of one service."""

    def __init__(self, origins: Collection[str], routes: Sequence[Route]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._routes = routes

    def page(self, origin: bytes, scope: Scope) -> Page | None:
        """Return the page that sends this request, or None if it may not read the answer.

        Also the answer to a method that the path does not have can be read, but not that of an operation that is not for
        customers.
        """
        if origin not in self._origins:
            return None
        asked = None
        if scope["method"] == "OPTIONS":
            asked = next((value for name, value in scope["headers"] if name == _ASKED_METHOD), None)
        method = scope["method"] if asked is None else _as_get(asked.decode("latin-1"))
        found: dict[str, Operation] = {}
        for route in self._routes:
            if route.matches(scope)[0] is not Match.NONE:
                found.setdefault(route.method, route.operation)
        customers = {name: operation for name, operation in found.items() if operation.allow.customer}
        if not customers or (method in found and method not in customers):
            return None
        return Page(origin, customers, asked)


def _headers_of(operation: Operation) -> set[str]:
    headers = set()
    if operation.has_body or operation.body_type is not None:
        headers.add("Content-Type")
    if operation.idempotency is not None:
        headers.add("Idempotency-Key")
    return headers.union(tag["name"] for tag in etags.parameters(operation))


def _methods(names: Collection[str]) -> list[str]:
    return sorted({*names, "HEAD"} if "GET" in names else names)


def _as_get(method: str) -> str:
    return "GET" if method == "HEAD" else method


_EXPOSED = ", ".join(EXPOSED).encode()

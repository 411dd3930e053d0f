"""The audit trail at the HTTP edge: every act of an operator, and every read of a person that was not masked.

An act is written in its own transaction, so that it leaves a row exactly if it was done. An act that was refused, also for its
role, leaves a row in a transaction of its own, because its own is rolled back. It names the owner of the identity that the
request named, or whose thing it named. A read is written before it is answered.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, cast

from fastapi import Response
from pydantic_core import from_json
from starlette.requests import Request

from shared import audit
from shared.audit import OBJECTS_MAX, Act, Kind
from shared.auth.access import Forbidden
from shared.auth.principal import Principal
from shared.context import Runtime
from shared.db import Tx
from shared.errors import DomainError
from shared.errors import Kind as Refusal
from shared.http import bodies
from shared.http.customers import identity_of_refused
from shared.http.dependencies import PRINCIPAL, TX
from shared.http.idempotency import HIT_HEADER
from shared.http.operation import Operation
from shared.http.problems import REQUEST_ID
from shared.http.readers import SIGHT
from shared.ids import is_id
from shared.service.capability import CustomerOf

DONE = "done"
WRITE_SECONDS_MAX = 1.0
"""The time that a row of a read or of a refusal may take, so that the whole request is answered within 5 s."""
_ID = re.compile(r"[a-z]{2,8}_(?:[0-7][0-9a-hjkmnp-tv-z]{25}|[0-9]{1,19})")
"""An id of ours: of a thing with an id that sorts by time, or of a row that is numbered."""
_NOT_OURS = ("request_id", "event_id", "order_id", "return_id", "external_id")
"""Members of answers that end like ids: of requests and events, and the merchant's own, in which a person may be named."""
_SILENT = (Refusal.UNAUTHENTICATED, Refusal.UNAVAILABLE, Refusal.TOO_MANY)
"""Kinds of refusals that say nothing about the act: nobody decided about it."""


async def acted(
    tx: Tx, running: Runtime, request: Request, operation: Operation, answer: Response | DomainError
) -> None:
    """Write what an operator did, with the transaction that did it. A repeat that got its first answer did nothing."""
    operator = _operator(request)
    if operator is None:
        return
    if isinstance(answer, DomainError):
        act = await _act(request, operation, "act", answer.code, None)
    elif HIT_HEADER in answer.headers:
        return
    else:
        act = await _act(request, operation, "act", DONE, answer)
    await audit.write(tx, running.vault, operator, act)


async def refused(running: Runtime, request: Request, operation: Operation, refusal: DomainError) -> None:
    """Write that an operator was refused an act. Requests that are malformed never became an act."""
    operator = _operator(request)
    decided = isinstance(refusal, (Forbidden, *operation.errors))
    if operator is None or request.method == "GET" or operation.needs != "transaction":
        return
    if not decided or refusal.kept or refusal.kind in _SILENT:
        return
    act = await _act(request, operation, "act", refusal.code, None)
    failed: Tx | None = request.scope.get(TX)
    noted = None if failed is None else audit.customer_noted(failed)
    async with asyncio.timeout(WRITE_SECONDS_MAX), running.database.begin() as tx:
        named = noted or await identity_of_refused(tx, request, operation)
        customer_of: CustomerOf | None = request.app.state.customer_of
        if named is not None:
            owner_id = named if customer_of is None else await customer_of(tx, named)
            audit.note(tx, customer_id=owner_id, identity_id=named)
        await audit.write(tx, running.vault, operator, act)


async def saw(running: Runtime, request: Request, operation: Operation, response: Response) -> None:
    """Write whom an operator saw, if the answer shows an identifier or a name as it is."""
    sight = SIGHT.get()
    if sight is None or not sight.saw_person:
        return
    operator = _operator(request)
    if operator is not None:
        act = await _act(request, operation, "read", DONE, response)
        await _write(running, operator, act)


async def _write(running: Runtime, operator: audit.Operator, act: Act) -> None:
    async with asyncio.timeout(WRITE_SECONDS_MAX), running.database.begin() as tx:
        await audit.write(tx, running.vault, operator, act)


def _operator(request: Request) -> audit.Operator | None:
    principal = cast("Principal | None", request.scope.get(PRINCIPAL))
    if principal is None or principal.kind != "operator":
        return None
    return audit.Operator(principal.id, principal.name, tuple(sorted(principal.roles)))


async def _act(
    request: Request, operation: Operation, kind: Kind, outcome: str, answer: Response | None
) -> Act:
    """Return the row's facts: the ids of the path and of the answer, and the reason of an act that was done.

    The customer of a refused act may not be known, so its reason could not be sealed under the customer's key. It is left out.
    """
    objects, customers = _ids(request.path_params, None if answer is None else _document(answer))
    body = (
        await bodies.document(request) if outcome == DONE and kind == "act" and operation.has_body else None
    )
    reason = body.get("reason") if isinstance(body, Mapping) else None
    return Act(
        kind=kind,
        operation=operation.id,
        outcome=outcome,
        request_id=request.scope[REQUEST_ID],
        objects=objects,
        customers=customers,
        reason=reason if isinstance(reason, str) else None,
    )


def _ids(path_params: Mapping[str, Any], document: Any) -> tuple[list[str], list[str]]:
    """Return the ids of ours that the path and the answer name, and those of them that are of customers.

    A row names OBJECTS_MAX of each, so the rest of a long answer is not looked at.
    """
    objects: dict[str, None] = {}
    customers: dict[str, None] = {}
    of_path = ((name, value) for name, value in path_params.items() if isinstance(value, str))
    for name, value in chain(of_path, _named(document)):
        if _ID.fullmatch(value):
            objects[value] = None
            if name in ("customer_id", "id") and is_id("cus", value):
                customers[value] = None
                if len(customers) >= OBJECTS_MAX and len(objects) >= OBJECTS_MAX:
                    break
    return list(objects), list(customers)


def _document(answer: Response) -> Any:
    """Return the JSON of an answer, or None if it has none, or is sent in pieces."""
    body = getattr(answer, "body", b"")
    return from_json(bytes(body)) if body and "json" in answer.headers.get("content-type", "") else None


def _named(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the ids in an answer with their names, also those of the items of a list or batch, but of no other list."""
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        if isinstance(value, str) and (name == "id" or name.endswith("_id")) and name not in _NOT_OURS:
            yield name, value
        elif isinstance(value, dict):
            yield from _named(value)
        elif name == "items" and isinstance(value, list):
            for item in value:
                yield from _named(item)

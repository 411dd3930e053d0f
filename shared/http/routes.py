"""Router and Route: the declaration of an operation, and the steps by which it answers a request.

    router = Router(tags=["redemptions"])

    @router.post(
        "/v1/members/{customer_id}/redemptions", operation_id="redeem_points", summary="Redeem points",
        allow=allow({"agent", "manager", "admin"}, partner_scope="points:redeem", customer="self"),
        idempotency="required", errors=(UnknownMember, InsufficientPoints), status_code=201,
        location="/v1/members/{customer_id}/redemptions/{id}",
    )
    async def redeem_points(tx: Transaction, customer_id: str, body: Redemption, key: KeyHash) -> Redeemed:
        '''Take points from the member's lots, in order, for something outside of the programme.'''

The docstring is the operation's description. Everything is keyed by operationId.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from fastapi import Depends, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from shared.auth.access import Allow
from shared.context import Runtime
from shared.db import Tx, failures
from shared.errors import DomainError
from shared.http import (
    bodies,
    customers,
    dependencies,
    effort,
    etags,
    guard,
    idempotency,
    locations,
    paths,
    trail,
)
from shared.http.locations import Location
from shared.http.operation import (
    CUSTOMER,
    EXTERNAL,
    Idempotency,
    Needs,
    Operation,
    PreconditionNeed,
    RefusalMembers,
    customer_named,
)
from shared.http.rates import Rate
from shared.limits import BODY_BYTES_MAX

READ_SECONDS_MAX = 3.5
"""The time that a reading route may take. If the database hangs, the route gives up, so that it answers within 5 s."""
SILENCE_SECONDS_MAX = 3.5
"""The time that the database may take for one statement of a transaction, or to connect, for the same reason."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ReturnedRefusal(RuntimeError):
    """A route returned a status that is not 2xx, so its transaction would have committed. It must raise a refusal instead."""


class Route(APIRoute):
    """One operation. It checks the caller and the request, opens what the route asks for, and commits before the answer."""

    operation: Operation

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        allow: Allow,
        errors: Sequence[type[DomainError]],
        idempotency: Idempotency | None,
        location: Location | None,
        rate: Rate | None,
        body_type: str | None,
        body_bytes_max: int,
        version: str | None,
        computed_at: str | None,
        refusal_members: RefusalMembers | None,
        precondition: PreconditionNeed | None,
        **options: Any,
    ) -> None:
        self._declared = (allow, tuple(errors), idempotency)
        self._location, self._rate, self._body_type = location, rate, body_type
        self._body_bytes_max = body_bytes_max
        self._version, self._precondition = version, precondition
        self._computed_at, self._refusal_members = computed_at, refusal_members
        self._begins, self._slashes = path.partition("{")[0], path.count("/")
        """The path up to its first parameter, and the number of its slashes."""
        self._actions: tuple[str, ...] = ()
        super().__init__(path, endpoint, **options)
        statuses = {self.status_code, *map(int, self.responses)}
        if (location is None) != statuses.isdisjoint(locations.CREATED):
            raise TypeError(
                f"{self.operation_id}: what answers 201 or 202 has a location, and nothing else has one"
            )
        if isinstance(location, Mapping) and location.keys() != statuses & locations.CREATED:
            raise TypeError(f"{self.operation_id}: each of its statuses 201 and 202 has a location")
        if allow.customer == "self" and "{customer_id}" not in path:
            raise TypeError(f"{self.operation_id}: customer='self' needs {{customer_id}} in the path")
        if not self.description or not self.summary:
            raise TypeError(f"{self.operation_id} has no summary, or no docstring to describe it")

    @property
    def method(self) -> str:
        """Return the HTTP method of the operation."""
        return next(iter(self.methods or ()))

    def leave_actions_to(self, routes: Iterable["Route"]) -> None:
        """Answer no path of those routes that name an action behind this one's: `…/{id}:approve` is no thing with a colon in its id."""
        self._actions = tuple(
            action
            for route in routes
            if (action := route.path.removeprefix(self.path)) != route.path and action.startswith(":")
        )

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether this operation answers the path and method, and the parameters that stand in the path.

        The beginning and the slashes of the path are compared first, because a request is compared with one operation after
        the other.
        """
        asked: str = scope["path"]
        if not asked.startswith(self._begins) or asked.count("/") != self._slashes:
            return Match.NONE, {}
        if asked.endswith(self._actions):
            return Match.NONE, {}
        match, found = super().matches(scope)
        if "path_params" in found:
            found["path_params"] = paths.with_slashes(found["path_params"])
        return match, found

    def get_route_handler(self) -> Handler:
        """Return the function that answers a request.

        Its steps: check and count the caller, check the query, read the body, open a reader or a transaction, look for a stored answer,
        validate and run, store the answer, write the audit trail, commit.
        """
        allow, errors, idempotent = self._declared
        query = frozenset(field.alias for field in _flat(self.dependant, "query_params"))
        names_something, reads = bool(self.param_convertors), self.method == "GET"
        reads_one = reads and names_something and "cursor" not in query and self.response_field is not None
        self.operation = operation = Operation(
            id=self.operation_id or self.unique_id,
            allow=allow,
            errors=errors,
            idempotency=idempotent,
            query=query,
            has_body=self.body_field is not None,
            needs=_needs(self.dependant),
            location=self._location,
            body_type=self._body_type,
            body_bytes_max=self._body_bytes_max,
            names_customer=CUSTOMER in self.param_convertors,
            names_customer_elsewhere=customers.naming_of in _calls(self.dependant),
            rate=self._rate,
            names_something=names_something,
            reads=reads,
            puts=self.method == "PUT",
            tagged=reads_one or self._version is not None,
            version=self._version,
            computed_at=self._computed_at,
            refusal_members=self._refusal_members,
            precondition=self._precondition,
            checks_precondition=dependencies.precondition_of in _calls(self.dependant),
        )
        dependencies.hand_over(self.dependant)
        answer, answer_plain = super().get_route_handler(), self._plain_handler()
        model = self.body_field.field_info.annotation if self.body_field is not None else None

        async def run(request: Request) -> Response:
            if not operation.has_body:
                return await (answer_plain if _is_plain(request) else answer)(request)
            await bodies.validate_items(request, model)
            with effort.bounded():
                return await answer(request)

        async def handle(request: Request) -> Response:
            try:
                return etags.add_tag(request, operation, await answer_admitted(request))
            except DomainError as refusal:
                await trail.refused(request.app.state.runtime, request, operation, refusal)
                raise

        async def answer_admitted(request: Request) -> Response:
            await guard.admit(request, operation)
            etags.expect(request, operation)
            if operation.has_body or operation.idempotency is not None:
                await guard.read_body(request, operation)
            if operation.needs == "nothing":
                return await run(request)
            running: Runtime = request.app.state.runtime
            if operation.needs == "reading":
                async with asyncio.timeout(READ_SECONDS_MAX), running.database.read() as read:
                    request.scope[dependencies.READ] = read
                    response = await run(request)
                await trail.saw(running, request, operation, response)
                return response
            return await _in_transaction(request, operation, running, run)

        return handle

    def _plain_handler(self) -> Handler:
        """Return FastAPI's handler of plain requests. It looks for no parameter of the query, and for no external id in the path.

        FastAPI takes 15 µs to find that an optional parameter is not there.
        """
        asked = self.dependant
        if any(field.field_info.is_required() for field in asked.query_params):
            return super().get_route_handler()
        below = [of for of in asked.dependencies if of.call is not customers.name_customer]
        self.dependant = replace(asked, query_params=[], dependencies=below)
        try:
            return super().get_route_handler()
        finally:
            self.dependant = asked


def _is_plain(request: Request) -> bool:
    """Return whether a request has no query, and no external id of a customer in its path."""
    name = customer_named(request.path_params)
    return not request.scope["query_string"] and (name is None or not name.startswith(EXTERNAL))


async def _in_transaction(request: Request, operation: Operation, running: Runtime, run: Handler) -> Response:
    """Run in a transaction. A refusal that is not `kept` rolls it back.

    A database that has lost rows takes nothing, also what tells others nothing: most often a backup takes its place soon.
    """
    if running.database.behind:
        raise failures.DatabaseBehind
    async with running.database.begin(silence_seconds_max=SILENCE_SECONDS_MAX) as tx:
        tx.traceparent = request.scope.get(guard.TRACEPARENT)
        request.scope[dependencies.TX] = tx
        answer = await _answer(tx, request, operation, running, run)
        await trail.acted(tx, running, request, operation, answer)
    if isinstance(answer, DomainError):
        raise answer
    return answer


async def _answer(
    tx: Tx, request: Request, operation: Operation, running: Runtime, run: Handler
) -> Response | DomainError:
    """Return the response, or a refusal with which the transaction is committed. Raises every other refusal."""
    asked = dict(request.path_params)
    try:
        if operation.idempotency is None:
            response = await run(request)
        else:
            response = await idempotency.once(tx, running.vault, operation, request, run)
    except DomainError as refusal:
        if refusal.kept:
            return refusal
        raise
    if not 200 <= response.status_code < 300:
        raise ReturnedRefusal(f"{operation.id} returned {response.status_code}")
    locations.add_location(response, operation.location, asked)
    return response


class Router:
    """The operations of one resource. `build_app` adds them to the service's app."""

    def __init__(self, *, tags: Sequence[str]) -> None:
        self.tags = list(tags)
        self.routes: list[Route] = []

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a GET with the options of `operation`."""
        return self.operation("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a POST with the options of `operation`."""
        return self.operation("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a PUT with the options of `operation`."""
        return self.operation("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a DELETE with the options of `operation`."""
        return self.operation("DELETE", path, **options)

    def operation(
        self,
        method: str,
        path: str,
        *,
        operation_id: str,
        summary: str,
        allow: Allow,
        errors: Iterable[type[DomainError]] = (),
        idempotency: Idempotency | None = None,
        status_code: int = 200,
        location: Location | None = None,
        rate: Rate | None = None,
        body_type: str | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        version: str | None = None,
        computed_at: str | None = None,
        refusal_members: RefusalMembers | None = None,
        precondition: PreconditionNeed | None = None,
        **options: Any,
    ) -> Callable[[Endpoint], Endpoint]:
        """Declare an operation: its id (verb_noun), a summary of one line, its callers, its refusals.

        One that answers 201 or 202 declares the `location` of what it creates (see `shared.http.locations`). One that can be
        misused declares a `rate` (see `shared.http.rates`). One whose body is no JSON declares its `body_type`, and reads the
        body itself. One that takes longer bodies than others declares `body_bytes_max`. What has a version in its answer names its field `version`, and one that changes such a thing
        declares its `precondition`. What was computed for the instant of the request names the field of that instant `computed_at`
        (see `shared.http.etags`). One whose refusals follow another standard too declares its `refusal_members`.

        The other options are FastAPI's: `responses`, `response_model`, `response_class`, `openapi_extra` and so on.
        """

        if f"{{{CUSTOMER}}}" in path:
            options["dependencies"] = [Depends(customers.name_customer), *options.get("dependencies", ())]

        def declare(endpoint: Endpoint) -> Endpoint:
            self.routes.append(
                Route(
                    path,
                    endpoint,
                    methods=[method],
                    operation_id=operation_id,
                    summary=summary,
                    allow=allow,
                    errors=tuple(errors),
                    idempotency=idempotency,
                    status_code=status_code,
                    location=location,
                    rate=rate,
                    body_type=body_type,
                    body_bytes_max=body_bytes_max,
                    version=version,
                    computed_at=computed_at,
                    refusal_members=refusal_members,
                    precondition=precondition,
                    tags=list(self.tags),
                    **options,
                )
            )
            return endpoint

        return declare


def _flat(dependant: Dependant, kind: str) -> list[Any]:
    """Return the fields of one kind of a dependency and of all dependencies below it."""
    fields = list(getattr(dependant, kind))
    for below in dependant.dependencies:
        fields += _flat(below, kind)
    return fields


def _calls(dependant: Dependant) -> set[Any]:
    return {below.call for below in dependant.dependencies}.union(*map(_calls, dependant.dependencies))


def _needs(dependant: Dependant) -> Needs:
    calls = _calls(dependant)
    writes, reads = dependencies.open_transaction in calls, dependencies.open_reading in calls
    if writes and reads:
        raise TypeError("a route asks for Transaction or for Reading: a Tx is a Read too")
    return "transaction" if writes else "reading" if reads else "nothing"

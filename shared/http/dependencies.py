"""The parameters that a route may ask for: the transaction, a reader, the context, the caller.

    async def redeem(tx: Transaction, caller: Caller, body: Redemption) -> Redeemed: ...

A route that asks for `Transaction` runs inside one: the route class opens it, and commits it before the answer is
sent. A route that asks for `Reading` gets an autocommit reader. No route asks for both.

FastAPI looks in the path, the query, the headers and the cookies for each of them, though they stand in none. That costs 25 µs
for each parameter. So the route class takes them from the request itself (`hand_over`).

A statement that runs often is built once, at module level, with `bindparam`, because building it each time costs almost as
much as running it (150 of the 350 µs of a small read on PostgreSQL).
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, cast

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.context import Context, Runtime, S
from shared.db import Read, Tx
from shared.preconditions import Precondition
from shared.vault import Vault

TX, READ, PRINCIPAL, KEY_HASH = "huitou.tx", "huitou.read", "huitou.principal", "huitou.key_hash"
PRECONDITION = "huitou.precondition"
_REQUEST = "huitou_request"
SUBJECT = "huitou.subject"
"""The key of the token's subject as the token tells it. It is hashed, and never stored or logged."""


async def open_transaction(request: Request) -> Tx:
    """Return the transaction of this request, which the route class has opened."""
    return cast(Tx, request.scope[TX])


async def open_reading(request: Request) -> Read:
    """Return the reader of this request, which the route class has opened."""
    return cast(Read, request.scope[READ])


async def calling(request: Request) -> Principal:
    """Return the subject of the request's token. An operator has its pseudonym as id."""
    return cast(Principal, request.scope[PRINCIPAL])


async def runtime_of(request: Request) -> Runtime:
    """Return the runtime of the service."""
    return cast(Runtime, request.app.state.runtime)


async def context_of(request: Request) -> Context:
    """Return the context of the use case that this request starts."""
    return (await runtime_of(request)).context


async def vault_of(request: Request) -> Vault:
    """Return the vault of the service."""
    return (await runtime_of(request)).vault


async def key_hash_of(request: Request) -> bytes | None:
    """Return the keyed hash of (principal, operation, Idempotency-Key), or None if the request has no key."""
    return cast("bytes | None", request.scope.get(KEY_HASH))


async def precondition_of(request: Request) -> Precondition:
    """Return what the request expects of the row that it changes (If-Match)."""
    return cast(Precondition, request.scope[PRECONDITION])


InContext = Annotated[Context[S], Depends(context_of)]
"""The context of a use case; write `context: InContext[Settings]` with the service's own settings."""
Transaction = Annotated[Tx, Depends(open_transaction)]
Reading = Annotated[Read, Depends(open_reading)]
Caller = Annotated[Principal, Depends(calling)]
Running = Annotated[Runtime, Depends(runtime_of)]
Vaulted = Annotated[Vault, Depends(vault_of)]
KeyHash = Annotated[bytes, Depends(key_hash_of)]
Expected = Annotated[Precondition, Depends(precondition_of)]
"""The versions of the row that a request expects. Its operation declares a `precondition`."""

_OF_REQUEST = frozenset(
    (open_transaction, open_reading, calling, runtime_of, context_of, vault_of, key_hash_of, precondition_of)
)
"""The dependencies that need nothing but the request."""


def hand_over(dependant: Dependant) -> None:
    """Let an endpoint get these parameters from the request, and FastAPI find the others only."""
    endpoint = cast("Callable[..., Awaitable[Any]]", dependant.call)
    handed = [(of.name or "", of.call) for of in dependant.dependencies if of.call in _OF_REQUEST]
    if not handed:
        return
    passes_on = dependant.request_param_name is not None
    name_of_request = dependant.request_param_name or _REQUEST

    @wraps(endpoint)
    async def call(**values: Any) -> Any:
        request = values[name_of_request] if passes_on else values.pop(name_of_request)
        for name, take in handed:
            values[name] = await take(request)
        return await endpoint(**values)

    dependant.dependencies = [of for of in dependant.dependencies if of.call not in _OF_REQUEST]
    dependant.request_param_name = name_of_request
    dependant.call = call

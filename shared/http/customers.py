"""The names of customers in requests: `cus_…`, `me`, or `ext:` and the merchant's own id, which is unique within its issuer.

An operation whose path names a customer takes all of them and declares nothing, because the guard and `name_customer` put
the identity there. Where a query or a body names a customer, the route asks `Named` for the identity.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Query
from pydantic import StringConstraints, TypeAdapter, ValidationError
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.context import Context, Runtime
from shared.db import Read
from shared.errors import DomainError
from shared.events.base import IDENTITY_PATTERN, Issuer
from shared.http import bodies, shapes
from shared.http.dependencies import PRINCIPAL, TX
from shared.http.operation import (
    CUSTOMER,
    EXTERNAL,
    ME,
    NamedByExternalId,
    NoCustomerOfToken,
    Operation,
    customer_named,
)
from shared.ids import is_id
from shared.limits import EXTERNAL_ID_MAX
from shared.service.capability import FindExternal, FindOwner
from shared.spelling import SPELLED_CHARACTERS_MAX, spelled_external_id

_FOUND = "huitou.customer_found"
NAME_MAX = len(EXTERNAL) + SPELLED_CHARACTERS_MAX
"""Characters of the name of a customer. An external id is shorter, but may be spelled with characters that nobody sees."""
CustomerName = Annotated[
    str,
    StringConstraints(max_length=NAME_MAX, pattern=f"^({IDENTITY_PATTERN}|{EXTERNAL}.+|{ME})$"),
    shapes.pattern(rf"^({IDENTITY_PATTERN}|{EXTERNAL}[^\x00-\x1f\x7f-\x9f]+|{ME})$"),
]
"""The name of a customer in a query or a body."""
CUSTOMER_ID = shapes.pattern(f"^{IDENTITY_PATTERN}$")
"""A mark for a customer's id in a body: the document shows its shape. Another text is no customer's."""
_LAG = (
    "Events tell other services than profile of an external id, so it may be unknown there for some seconds."
)

CustomerId = Annotated[
    str,
    Path(
        max_length=NAME_MAX,
        description="The customer: `cus_…`, also that of an identity that was merged into them, or `ext:` and your own id of "
        f"the customer, of at most {EXTERNAL_ID_MAX} characters. {_LAG} `after` does not wait for it. "
        "A customer's token says `me` or `cus_…`.",
        examples=["cus_01hv3n8v1mz8k7g5r0q2w4x6y8"],
    ),
]
"""The customer that a path names. The route gets the id of an identity."""
ISSUER_OF_NAME = "The issuer of the id after `ext:`; by default your own. For operators."
IssuerOfName = Annotated[Issuer | None, Query(description=ISSUER_OF_NAME)]


@dataclass(frozen=True, slots=True)
class Naming:
    """The way from a customer's name in a request to the identity."""

    caller: Principal
    context: Context
    find_external: FindExternal | None
    scope: MutableMapping[str, Any]
    """The scope of the request, which keeps the identity that was found for the audit trail."""

    async def identity_of(self, read: Read, name: str, issuer: str | None = None) -> str | None:
        """Return the identity that a name stands for; None if an external id leads to none that this caller may name.

        An external id is looked up within `issuer`, by default within the caller's own. `me` is the customer of the token.
        Any other name is returned as it is. Raises NoCustomerOfToken and NamedByExternalId.
        """
        identity_id = self.scope[_FOUND] = await self._find(read, name, issuer)
        return identity_id

    async def other(self, read: Read, name: str, issuer: str | None = None) -> str | None:
        """Return the identity of a customer whom a request names beside its own: the audit trail keeps its own.

        Raises NoCustomerOfToken and NamedByExternalId.
        """
        return await self._find(read, name, issuer)

    async def _find(self, read: Read, name: str, issuer: str | None) -> str | None:
        if name == ME:
            if self.caller.customer_id is None:
                raise NoCustomerOfToken
            return self.caller.customer_id
        if not name.startswith(EXTERNAL):
            return name
        if self.caller.customer_id is not None:
            raise NamedByExternalId
        external_id = spelled_external_id(name.removeprefix(EXTERNAL))
        within = self.caller.issuer_asked(issuer)
        if self.find_external is None or external_id is None or within is None:
            return None
        return await self.find_external(read, self.context, within, external_id)


async def naming_of(request: Request) -> Naming:
    """Return the naming for the caller of a request."""
    running: Runtime = request.app.state.runtime
    return Naming(request.scope[PRINCIPAL], running.context, request.app.state.find_external, request.scope)


Named = Annotated[Naming, Depends(naming_of)]


async def name_customer(request: Request, issuer: IssuerOfName = None) -> None:
    """Put the identity in the place of an external id in the path, so that nothing behind this knows the word.

    Raises the refusal for an unknown id. A reader of its own is used outside of transactions, so that a request which then waits
    for a fact holds no connection.
    """
    name = customer_named(request.path_params)
    if name is None or not name.startswith(EXTERNAL):
        return
    naming = await naming_of(request)
    if TX in request.scope:
        identity_id = await naming.identity_of(request.scope[TX], name, issuer)
    else:
        running: Runtime = request.app.state.runtime
        async with running.database.read() as read:
            identity_id = await naming.identity_of(read, name, issuer)
    if identity_id is None:
        raise request.scope["route"].operation.hidden()
    request.path_params[CUSTOMER] = identity_id


async def identity_of_refused(read: Read, request: Request, operation: Operation) -> str | None:
    """Return the identity that a refused request names in its path or its body, or whose thing its path names; None if there is none.

    The request may have been refused before its body was read or its names were looked up.
    """
    find_owners: Mapping[str, FindOwner] = request.app.state.find_owners
    for parameter, find in find_owners.items():
        if parameter in request.path_params:
            return await find(read, request.path_params[parameter])
    identity_id = request.scope.get(_FOUND)
    if _FOUND not in request.scope:
        try:
            name, issuer = await _named_by(request, operation)
            naming, name = await naming_of(request), _NAME.validate_python(name)
            identity_id = await naming.identity_of(read, name, _ISSUER.validate_python(issuer))
        except (DomainError, ValidationError):
            return None
    return identity_id if identity_id is not None and is_id("cus", identity_id) else None


async def _named_by(request: Request, operation: Operation) -> tuple[object, object]:
    """Return the name of a customer in a request and the issuer of the name, as they were sent."""
    if operation.names_customer or not (operation.names_customer_elsewhere and operation.has_body):
        return customer_named(request.path_params), request.query_params.get("issuer")
    body = await bodies.document(request)
    if not isinstance(body, Mapping):
        return None, None
    customer = body.get("customer")
    if isinstance(customer, Mapping):
        return customer.get("id"), customer.get("issuer")
    return body.get("customer_id"), body.get("issuer")


_NAME = TypeAdapter[str](CustomerName)
_ISSUER = TypeAdapter[str | None](Issuer | None)

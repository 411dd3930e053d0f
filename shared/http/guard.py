"""Checks of every request before anything is opened for it: the caller, the query, the form of the body."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from starlette.datastructures import QueryParams
from starlette.requests import Request

from shared.api_keys import ApiKeys
from shared.auth.access import Forbidden, Verdict
from shared.auth.api_key import PREFIX, claims_to_be_key
from shared.auth.errors import ApiKeyInAddress, AuthorizationGivenTwice, TokenMissing
from shared.auth.principal import Principal
from shared.catalogues import Sentence, field_sentence
from shared.context import Tokens
from shared.errors import DomainError, FieldError, Kind
from shared.http import bodies, limiter
from shared.http.dependencies import PRINCIPAL, SUBJECT
from shared.http.operation import (
    CUSTOMER,
    EXTERNAL,
    ME,
    NamedByExternalId,
    NoCustomerOfToken,
    Operation,
    customer_named,
)
from shared.http.problems import InvalidRequest, UnsupportedMediaType
from shared.http.readers import READER, SIGHT, Sight
from shared.http.validation import pointer, unknown_parameters
from shared.limits import ERRORS_MAX
from shared.spelling import CONTROL_CHARACTERS
from shared.vault import Vault

TRACEPARENT = "huitou.traceparent"
PRINCIPALS_REMEMBERED_MAX = 1_000
"""The most callers whose stored principal is remembered, because it takes as long to make as to verify a known token."""
_KEY_IN_QUERY = PREFIX.encode()


async def admit(request: Request, operation: Operation) -> None:
    """Refuse callers that may not call the operation or call it too often, and query parameters that it does not have."""
    READER.set(None)
    SIGHT.set(None)
    if _KEY_IN_QUERY in request.scope["query_string"] or PREFIX in request.scope["path"]:
        if operation.is_counted:
            await limiter.count_address(request, operation.rate)
        raise ApiKeyInAddress
    if operation.allow.public and operation.rate is not None:
        await limiter.count_address(request, operation.rate)
    if operation.allow.public:
        _authorization(request)
    if not operation.allow.public:
        principal = await _counted(request)
        request.scope[SUBJECT] = principal.key
        request.scope[PRINCIPAL] = _stored(request.app.state.runtime.vault, principal)
        await limiter.count_subject(request, operation, principal)
        READER.set(principal.kind)
        SIGHT.set(Sight(masked=not principal.sees_persons))
        says_me = operation.names_customer and customer_named(request.path_params) == ME
        if says_me and principal.customer_id is not None:
            _name_customer(request, principal.customer_id)
        name = customer_named(request.path_params)
        match operation.allow.verdict(principal, name):
            case Verdict.HIDDEN | Verdict.ALLOWED if _names_externally(principal, name):
                raise NamedByExternalId
            case Verdict.HIDDEN:
                raise operation.hidden()
            case Verdict.FORBIDDEN:
                raise Forbidden(operation=operation.id, needed=operation.allow.names())
        if says_me and principal.customer_id is None:
            raise NoCustomerOfToken
    if request.scope["query_string"]:
        _check_query(request, operation)


def _names_externally(principal: Principal, name: str | None) -> bool:
    return principal.customer_id is not None and name is not None and name.startswith(EXTERNAL)


async def admit_operator(request: Request) -> None:
    """Refuse everybody but operators, at an address that is no operation."""
    principal = await _authenticated(request)
    if principal.kind != "operator":
        raise Forbidden(operation=request.url.path, needed="operator")


async def is_operator(request: Request) -> bool:
    """Return whether the request has a valid token of an operator."""
    try:
        await admit_operator(request)
    except DomainError:
        return False
    return True


async def read_body(request: Request, operation: Operation) -> None:
    """Read the whole body, within the limit. Refuse a body that is not JSON by its media type or its content."""
    body = await request.body()
    if not body or not operation.has_body:
        return
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType
    await bodies.document(request)


async def _counted(request: Request) -> Principal:
    """Return the subject of the token. A request without a valid token counts for the address of its client."""
    try:
        return await _authenticated(request)
    except DomainError as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED or isinstance(refusal, AuthorizationGivenTwice):
            await limiter.count_address(request)
        raise


async def _authenticated(request: Request) -> Principal:
    tokens: Tokens = request.app.state.runtime.tokens
    scheme, _, token = _authorization(request).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    credential = token.strip()
    if claims_to_be_key(credential):
        keys: ApiKeys = request.app.state.api_keys
        return await keys.principal(credential)
    return await tokens.verify(credential)


def _authorization(request: Request) -> str:
    """Return the header with the caller's credential, or an empty text. Raises AuthorizationGivenTwice."""
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise AuthorizationGivenTwice
    return given[0] if given else ""


@lru_cache(maxsize=PRINCIPALS_REMEMBERED_MAX)
def _stored(vault: Vault, principal: Principal) -> Principal:
    """Return the principal under the id that may be stored and logged: for an operator its pseudonym.

    The subject of an operator's token can be a person's name or e-mail address. Other subjects are ids and codes.
    """
    if principal.kind != "operator":
        return principal
    return replace(principal, id=vault.conceal(principal.id))


def _name_customer(request: Request, customer_id: str) -> None:
    """Put the customer's id in the place of `me`, so that nothing behind this knows the word.

    The path is changed too: a request with an Idempotency-Key may be repeated with either spelling.
    """
    request.path_params[CUSTOMER] = customer_id
    before, _, behind = str(request.scope["path"]).partition(f"/{ME}/")
    request.scope["path"] = (
        f"{before}/{customer_id}/{behind}" if behind else f"{before.removesuffix(ME)}{customer_id}"
    )


def _check_query(request: Request, operation: Operation) -> None:
    """Refuse unknown parameters, and parameters that are given twice, because programs differ in which value they take."""
    query: bytes = request.scope["query_string"]
    if query.count(b"&") > ERRORS_MAX:
        # To read thousands of names takes milliseconds. No operation has so many, so most often the first are wrong.
        first = QueryParams(b"&".join(query.split(b"&", ERRORS_MAX + 1)[: ERRORS_MAX + 1]))
        _refuse_parameters(first.multi_items(), operation)
    _refuse_parameters(request.query_params.multi_items(), operation)


def _refuse_parameters(given: Sequence[tuple[str, str]], operation: Operation) -> None:
    errors = unknown_parameters(dict(given), operation.query)
    if not errors and len(given) != len(dict(given)):
        names = [name for name, _ in given]
        errors = [_query_error(name, _GIVEN_TWICE) for name in dict.fromkeys(names) if names.count(name) > 1]
    if not errors:
        errors = [
            _query_error(name, bodies.NUL_CHARACTER if "\x00" in value else _CONTROL_CHARACTER)
            for name, value in given
            if CONTROL_CHARACTERS.search(value)
        ]
    if errors:
        raise InvalidRequest(errors=errors)


def _query_error(name: str, sentence: Sentence) -> FieldError:
    return FieldError.of(pointer(("query", name)), sentence)


_CONTROL_CHARACTER = field_sentence(__name__, "control_character")
_GIVEN_TWICE = field_sentence(__name__, "given_twice")

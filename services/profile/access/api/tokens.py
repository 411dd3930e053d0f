"""The token endpoint of OAuth 2 for partners: client credentials (RFC 6749, section 4.4), with an API key as the secret."""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qsl, unquote_plus

from pydantic import Field
from starlette.requests import Request as Incoming

from services.profile.access.refusals import (
    ClientInvalid,
    GrantTypeUnsupported,
    ScopeInvalid,
    TokenRequestInvalid,
    TokensIssuedElsewhere,
)
from services.profile.settings import Settings
from shared.api_keys import ApiKeys, KnownKey
from shared.auth import api_key, signing
from shared.auth.errors import ApiKeyMalformed, ApiKeyUnknown, KeysUnavailable, SigningKeyBroken
from shared.context import Context
from shared.errors import Kind
from shared.http import limiter
from shared.http.auth import PUBLIC
from shared.http.dependencies import InContext
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.limits import ID_MAX

MEDIA_TYPE = "application/x-www-form-urlencoded"
GRANT_TYPE, TOKEN_TYPE = "client_credentials", "Bearer"
TTL = timedelta(minutes=15)
"""The life of a token. A token outlives the revocation of its key by at most this time."""
PARAMETERS_MAX = 10
_PASSING = (Kind.TOO_MANY, Kind.UNAVAILABLE, Kind.TIMEOUT)
"""The kinds of refusals after which the same request can be accepted later."""
SECRET_CHARACTERS_MAX = 64
SCOPE_CHARACTERS_MAX = 4_096
_EXAMPLE_JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtYXJ0In0.c2lnbmF0dXJl"
_FORM = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "const": GRANT_TYPE},
        "client_id": {
            "type": "string",
            "maxLength": ID_MAX,
            "description": "The partner's id, or the id of the key.",
        },
        "client_secret": {
            "type": "string",
            "maxLength": SECRET_CHARACTERS_MAX,
            "description": "The API key.",
        },
        "scope": {
            "type": "string",
            "maxLength": SCOPE_CHARACTERS_MAX,
            "description": "Scopes of the key, separated by spaces.",
        },
    },
}

router = Router(tags=["tokens"])


def _error_of(kind: Kind) -> Mapping[str, str]:
    """Return the member `error` of RFC 6749 for refusals that are not about tokens alone. The others name their own."""
    return {"error": "temporarily_unavailable" if kind in _PASSING else "invalid_request"}


class IssuedTokenOut(Response):
    """A token of a partner."""

    model_config = example(
        access_token=_EXAMPLE_JWT,
        token_type=TOKEN_TYPE,
        expires_in=900,
        scope="customers:read purchases:write",
    )

    access_token: str = Field(description="A JWT: send it as `Authorization: Bearer …` to every service.")
    token_type: str = Field(description="Always `Bearer`.")
    expires_in: int = Field(description="The seconds until it ends. Ask for the next one before that.")
    scope: str = Field(description="The scopes of the token, separated by spaces.")


@router.post(
    "/oauth/token",
    operation_id="issue_token",
    summary="Get a token of a partner",
    allow=PUBLIC,
    rate="token",
    refusal_members=_error_of,
    body_type=MEDIA_TYPE,
    errors=(
        TokenRequestInvalid,
        GrantTypeUnsupported,
        ScopeInvalid,
        ClientInvalid,
        TokensIssuedElsewhere,
        KeysUnavailable,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The client is named here, or in the header `Authorization: Basic …`.",
            "content": {
                MEDIA_TYPE: {
                    "schema": _FORM,
                    "example": {
                        "grant_type": GRANT_TYPE,
                        "client_id": "mart",
                        "client_secret": api_key.EXAMPLE,
                    },
                }
            },
        }
    },
)
async def issue_token(incoming: Incoming, context: InContext[Settings]) -> IssuedTokenOut:
    """Exchange an API key for a token of at most 15 minutes, as OAuth 2 libraries do (RFC 6749, client credentials).

    The token has the scopes of the key, or those of them that `scope` asks for. A token that was issued stays valid until it
    ends, also if the key is revoked: send the key itself where 15 minutes are too long. A request with a key in force
    counts for its partner, as with every operation, and any other for its address. Refusals have the member `error` of RFC 6749 beside those of
    every problem document, but not those of a head or body that is too long or never came (408, 413, 414, 431), nor a 500.
    """
    form = _form(incoming.headers.get("content-type", ""), await incoming.body())
    if form.get("grant_type") is None:
        raise TokenRequestInvalid
    if form["grant_type"] != GRANT_TYPE:
        raise GrantTypeUnsupported
    client_id, secret = _client(incoming.headers.get("authorization", ""), form)
    if context.settings.jwks:
        raise TokensIssuedElsewhere
    known = await _known(incoming.app.state.api_keys, client_id, secret)
    await limiter.count_proven(incoming, known.principal)
    return _issue(context, known, _scopes(form.get("scope"), known))


def _form(content_type: str, body: bytes) -> Mapping[str, str]:
    """Return the parameters of a form. Those without a value count as not sent (RFC 6749, section 3.2)."""
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise TokenRequestInvalid
    try:
        given = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=PARAMETERS_MAX
        )
    except ValueError:
        raise TokenRequestInvalid from None
    if len(dict(given)) != len(given):
        raise TokenRequestInvalid
    return {name: value for name, value in given if value}


def _client(authorization: str, form: Mapping[str, str]) -> tuple[str, str]:
    """Return the client's id and secret, from the header or from the form (RFC 6749, section 2.3.1).

    Libraries may name the client of the header in the form too. Raises TokenRequestInvalid if the form names another one.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        if "client_id" not in form or "client_secret" not in form:
            raise ClientInvalid
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise TokenRequestInvalid
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ClientInvalid from None
    client_id, _, secret = text.partition(":")
    client_id = unquote_plus(client_id)
    if form.get("client_id", client_id) != client_id:
        raise TokenRequestInvalid
    return client_id, unquote_plus(secret)


async def _known(keys: ApiKeys, client_id: str, secret: str) -> KnownKey:
    """Return the key of a client. All reasons why it is none look alike."""
    try:
        known = await keys.find(secret)
    except (ApiKeyMalformed, ApiKeyUnknown):
        raise ClientInvalid from None
    if client_id not in (known.id, known.principal.id):
        raise ClientInvalid
    return known


def _scopes(asked: str | None, known: KnownKey) -> frozenset[str]:
    if asked is None:
        return known.principal.scopes
    scopes = frozenset(asked.split(" "))
    if not scopes <= known.principal.scopes:
        raise ScopeInvalid
    return scopes


def _issue(context: Context[Settings], known: KnownKey, scopes: frozenset[str]) -> IssuedTokenOut:
    now = context.clock.now()
    ttl = TTL if known.expires_at is None else min(TTL, known.expires_at - now)
    try:
        key = signing.read_signing_key(context.settings.home)
    except SigningKeyBroken:
        raise KeysUnavailable from None
    token = signing.mint(
        key,
        "partner",
        known.principal.id,
        now=now,
        ttl=ttl,
        scopes=scopes,
        issuer=context.settings.token_issuer,
    )
    return IssuedTokenOut(
        access_token=token,
        token_type=TOKEN_TYPE,
        expires_in=int(ttl.total_seconds()),
        scope=" ".join(sorted(scopes)),
    )

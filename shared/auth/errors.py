"""Name the reasons why a token is not accepted."""

from typing import ClassVar

from shared.errors import DomainError, Kind
from shared.limits import CUSTOMER_TOKEN_MINUTES_MAX, TOKEN_DAYS_MAX


class TokenMissing(DomainError):
    """No bearer token was sent."""

    kind, code = Kind.UNAUTHENTICATED, "token_missing"
    challenge = "Bearer"


class TokenInvalid(DomainError):
    """The token was not issued for this installation, or was changed."""

    kind, code = Kind.UNAUTHENTICATED, "token_invalid"


class TokenExpired(DomainError):
    """The token's time is over, or has not begun."""

    kind, code = Kind.UNAUTHENTICATED, "token_expired"


class TokenAudience(DomainError):
    """The token was issued for something else."""

    kind, code = Kind.UNAUTHENTICATED, "token_audience"


class TokenSubject(TokenInvalid):
    """The token's subject does not have the form of the id of its kind of subject."""

    code = "token_subject"


class TokenTooLong(TokenInvalid):
    """The token was issued for a longer life than is accepted."""

    code = "token_too_long"
    constants: ClassVar = {"customer_minutes": CUSTOMER_TOKEN_MINUTES_MAX, "days": TOKEN_DAYS_MAX}


class ApiKeyMalformed(DomainError):
    """The API key does not have the form of one, or its checksum is another: a character was lost or mistyped."""

    kind, code = Kind.UNAUTHENTICATED, "api_key_malformed"


class ApiKeyUnknown(DomainError):
    """No API key with this digest is in force: it was never made here, it was revoked, or it has expired."""

    kind, code = Kind.UNAUTHENTICATED, "api_key_unknown"


class ApiKeyInAddress(DomainError):
    """The address of the request holds an API key. Addresses are written to logs of proxies and kept by browsers."""

    kind, code = Kind.BAD_REQUEST, "api_key_in_address"


class AuthorizationGivenTwice(DomainError):
    """The request has two headers `Authorization`, of which a proxy before the service may have checked another one."""

    kind, code = Kind.BAD_REQUEST, "authorization_given_twice"


class KeysUnavailable(DomainError):
    """The keys that verify tokens cannot be read at the moment."""

    kind, code = Kind.UNAVAILABLE, "token_keys_unavailable"


class SigningKeyBroken(Exception):
    """The key that signs tokens is missing or cannot be understood. The message says what to do."""


REASONS: tuple[type[DomainError], ...] = (
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenAudience,
    TokenSubject,
    TokenTooLong,
    ApiKeyMalformed,
    ApiKeyUnknown,
)

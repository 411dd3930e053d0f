"""The refusals of the access capability."""

from typing import ClassVar

from shared.errors import DomainError, Kind
from shared.limits import API_KEYS_MAX, API_KEYS_OF_PARTNER_MAX


class PartnerKeysInForce(DomainError):
    """The partner has as many keys in force as one may have."""

    kind, code = Kind.CONFLICT, "partner_keys_in_force"
    constants = {"most": API_KEYS_OF_PARTNER_MAX}


class KeysInForce(DomainError):
    """All partners together have as many keys in force as there may be."""

    kind, code = Kind.CONFLICT, "keys_in_force"
    constants = {"most": API_KEYS_MAX}


class ExpiryInvalid(DomainError):
    """A key is to expire in the past, or later than any clock tells."""

    kind, code = Kind.INVALID, "expiry_invalid"


class TokenRequestInvalid(DomainError):
    """A request for a token is no form, lacks a parameter, repeats one, or names its client in two ways, or two clients (RFC 6749, 5.2)."""

    kind, code = Kind.BAD_REQUEST, "token_request_invalid"
    members: ClassVar = {"error": "invalid_request"}


class GrantTypeUnsupported(DomainError):
    """A request for a token asks in another way than as a client with its own key."""

    kind, code = Kind.BAD_REQUEST, "grant_type_unsupported"
    members: ClassVar = {"error": "unsupported_grant_type"}


class ScopeInvalid(DomainError):
    """A request for a token asks for a scope that the key does not have."""

    kind, code = Kind.BAD_REQUEST, "scope_invalid"
    members: ClassVar = {"error": "invalid_scope"}


class ClientInvalid(DomainError):
    """The client of a request for a token is not known: the key is not in force, or is not that client's."""

    kind, code = Kind.UNAUTHENTICATED, "client_invalid"
    members: ClassVar = {"error": "invalid_client"}
    challenge = 'Basic realm="huitou"'


class TokensIssuedElsewhere(DomainError):
    """Another issuer signs the tokens of this installation, so that this service has no key to sign with."""

    kind, code = Kind.NOT_FOUND, "tokens_issued_elsewhere"
    members: ClassVar = {"error": "unauthorized_client"}

"""Verify a bearer token and return its Principal. A token is refused unless every part of it is known to be right."""

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from joserfc import jwt
from joserfc.errors import JoseError

from shared.auth.errors import (
    KeysUnavailable,
    TokenAudience,
    TokenExpired,
    TokenInvalid,
    TokenSubject,
    TokenTooLong,
)
from shared.auth.keyset import KeySource
from shared.auth.principal import NAME_CHARACTERS_MAX, ROLES, Principal, Role, SubjectKind, is_subject
from shared.auth.signing import (
    AUDIENCES,
    CUSTOMER_TTL_MAX,
    ISSUER,
    TTL_MAX,
    ensure_signing_key,
    public_keys_path,
)
from shared.clock import Clock

ALGORITHMS = frozenset({"ES256", "RS256", "EdDSA", "Ed25519"})
HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
"""The allowed header names. A token that names a key, its address or a critical extension is refused."""
TOKEN_TYPES = frozenset({"jwt", "at+jwt"})
TOKEN_CHARACTERS_MAX = 8192
HEADER_CHARACTERS_MAX = 1024
VERIFIED_MAX = 10_000
LEEWAY_SECONDS = 5
_KINDS: Mapping[str, SubjectKind] = {audience: kind for kind, audience in AUDIENCES.items()}


class Verifier:
    """Verifies the tokens of one issuer with a set of public keys, and remembers verified tokens until they expire."""

    def __init__(self, keys: KeySource, clock: Clock, *, issuer: str = ISSUER) -> None:
        self.keys = keys
        self._clock = clock
        self._issuer = issuer
        self._verified: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._verified_version = keys.version

    async def verify(self, token: str) -> Principal:
        """Return the subject of a token.

        Raises TokenInvalid, TokenExpired, TokenTooLong, TokenAudience, TokenSubject or KeysUnavailable.
        """
        return self.recall(token) or await self._verify(token)

    def recall(self, token: str) -> Principal | None:
        """Return the subject of a token that was verified before and is still valid, or None."""
        if self._verified_version != self.keys.version or self.keys.stale:
            return None
        name = sha256(token.encode(errors="replace")).digest()
        verified = self._verified.get(name)
        if verified is None:
            return None
        principal, expires = verified
        if self._clock.now().timestamp() >= expires:
            del self._verified[name]
            return None
        return principal

    async def _verify(self, token: str) -> Principal:
        header = _header(token)
        verifying = await self.keys.find(header["kid"])
        if verifying is None:
            raise KeysUnavailable if self.keys.empty else TokenInvalid
        if header["alg"] not in verifying.algorithms:
            raise TokenInvalid
        try:
            claims = jwt.decode(token, verifying.key, algorithms=[header["alg"]]).claims
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenInvalid from error
        principal, expires = self._principal(claims, self._clock.now())
        self._remember(token, principal, expires)
        return principal

    def _remember(self, token: str, principal: Principal, expires: float) -> None:
        if self._verified_version != self.keys.version:
            self._verified.clear()
            self._verified_version = self.keys.version
        self._verified[sha256(token.encode()).digest()] = (principal, expires)
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)

    def _principal(self, claims: Mapping[str, Any], now: datetime) -> tuple[Principal, float]:
        if claims.get("iss") != self._issuer:
            raise TokenInvalid
        kind = _kind(claims.get("aud"))
        expires = _lifetime(claims, kind, now.timestamp())
        subject = claims.get("sub")
        if not isinstance(subject, str):
            raise TokenInvalid
        if not is_subject(kind, subject):
            raise TokenSubject
        principal = Principal(kind, subject, _roles(claims, kind), _scopes(claims, kind), _name(claims, kind))
        return principal, expires


def open_verifier(
    home: Path, clock: Clock, *, jwks: str | Path | None = None, issuer: str = ISSUER
) -> Verifier:
    """Return the verifier of an installation. Its keys are in `jwks` (a path or an address), or it makes its own.

    Raises SigningKeyBroken if its own cannot be used.
    """
    if jwks is None:
        ensure_signing_key(home)
    return verifier_of(home, clock, jwks=jwks, issuer=issuer)


def verifier_of(home: Path, clock: Clock, *, jwks: str | Path | None, issuer: str) -> Verifier:
    """Return the verifier of an installation, whose keys need not be there yet."""
    return Verifier(KeySource(public_keys_path(home) if jwks is None else jwks), clock, issuer=issuer)


def _header(token: str) -> dict[str, str]:
    """Return the header of a token after all its parts were checked. Raises TokenInvalid."""
    if len(token) > TOKEN_CHARACTERS_MAX or token.count(".") != 2:
        raise TokenInvalid
    encoded = token.partition(".")[0]
    if len(encoded) > HEADER_CHARACTERS_MAX:
        raise TokenInvalid
    try:
        header = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise TokenInvalid from error
    if not isinstance(header, dict) or not header.keys() <= HEADER_MEMBERS:
        raise TokenInvalid
    if not all(isinstance(value, str) for value in header.values()) or not {"alg", "kid"} <= header.keys():
        raise TokenInvalid
    if header["alg"] not in ALGORITHMS or header.get("typ", "JWT").lower() not in TOKEN_TYPES:
        raise TokenInvalid
    return cast("dict[str, str]", header)


def _kind(audience: object) -> SubjectKind:
    """Return the kind of subject of an audience. A list of audiences must name exactly one of ours."""
    named = audience if isinstance(audience, list) else [audience]
    kinds = {_KINDS[name] for name in named if isinstance(name, str) and name in _KINDS}
    if len(kinds) != 1:
        raise TokenAudience
    return kinds.pop()


def _lifetime(claims: Mapping[str, Any], kind: SubjectKind, now: float) -> float:
    """Return the time at which a token that is valid now expires. A customer's token lives 15 minutes at most, any other 31 days."""
    expires, issued, begins = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        raise TokenInvalid
    if expires <= now or max(issued or 0.0, begins or 0.0) > now + LEEWAY_SECONDS:
        raise TokenExpired
    if kind == "customer" and (issued is None or expires - issued > CUSTOMER_TTL_MAX.total_seconds()):
        raise TokenTooLong
    if expires - (now if issued is None else issued) > TTL_MAX.total_seconds():
        raise TokenTooLong
    return expires


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenInvalid
    return float(value)


def _roles(claims: Mapping[str, Any], kind: SubjectKind) -> frozenset[Role]:
    listed = claims.get("roles", [])
    if kind != "operator" or not isinstance(listed, list):
        return frozenset()
    return frozenset(role for role in ROLES if role in listed)


def _scopes(claims: Mapping[str, Any], kind: SubjectKind) -> frozenset[str]:
    text = claims.get("scope", "")
    return frozenset(text.split()) if kind == "partner" and isinstance(text, str) else frozenset()


def _name(claims: Mapping[str, Any], kind: SubjectKind) -> str | None:
    """Return the full name of an operator, or None. Whatever cannot be shown is no name, and no reason to refuse the token."""
    name = claims.get("name")
    if kind != "operator" or not isinstance(name, str) or not name.isprintable():
        return None
    return name.strip()[:NAME_CHARACTERS_MAX] or None

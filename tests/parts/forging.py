"""Tokens that must not be accepted, and the issuer whose key some of them abuse."""

import base64
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.auth.signing import ensure_signing_key
from shared.auth.verifying import TOKEN_CHARACTERS_MAX
from shared.clock import Clock

LIFE_SECONDS = 600


class Issuer:
    """An installation's key, and every way to sign something else."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self.home = home
        self.key = ensure_signing_key(home)
        issued = int(clock.now().timestamp())
        self.claims: dict[str, Any] = {
            "iss": "huitou", "aud": "operations", "sub": "ana", "iat": issued, "exp": issued + LIFE_SECONDS,
            "roles": ["admin"],
        }  # fmt: skip
        """Claims with which an operator may do everything."""

    def sign(self, claims: dict[str, Any] | None = None, **header: Any) -> str:
        """Sign claims that differ from the genuine ones, under a header that does."""
        header = {"alg": "ES256", "kid": self.key.kid} | header
        return jwt.encode(header, self.claims | (claims or {}), self.key, algorithms=["ES256"])


def encoded(part: object) -> str:
    """Encode one part of a token."""
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def without_signature(issuer: Issuer) -> str:
    """Name no algorithm."""
    return f"{encoded({'alg': 'none', 'kid': issuer.key.kid})}.{encoded(issuer.claims)}."


def none_in_another_case(issuer: Issuer) -> str:
    """Name no algorithm, in another case."""
    return f"{encoded({'alg': 'NoNe', 'kid': issuer.key.kid})}.{encoded(issuer.claims)}."


def es256_said_but_not_signed(issuer: Issuer) -> str:
    """Leave the signature out."""
    return f"{encoded({'alg': 'ES256', 'kid': issuer.key.kid})}.{encoded(issuer.claims)}."


def zero_signature(issuer: Issuer) -> str:
    """Sign with zeros."""
    return f"{encoded({'alg': 'ES256', 'kid': issuer.key.kid})}.{encoded(issuer.claims)}.{encoded(bytes(64))}"


def public_key_as_a_shared_secret(issuer: Issuer) -> str:
    """The classical swap: HS256 with the public key, which everybody has, as the secret."""
    payload = f"{encoded({'alg': 'HS256', 'kid': issuer.key.kid})}.{encoded(issuer.claims)}"
    return f"{payload}.{encoded(hmac.digest(issuer.key.as_pem(private=False), payload.encode(), 'sha256'))}"


def another_algorithm_of_the_same_key(issuer: Issuer) -> str:
    """Name another algorithm."""
    _, claims, signature = issuer.sign().split(".")
    return f"{encoded({'alg': 'RS256', 'kid': issuer.key.kid})}.{claims}.{signature}"


def own_key_under_a_known_id(issuer: Issuer) -> str:
    """Sign with an own key."""
    own = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "kid": issuer.key.kid}, issuer.claims, own, algorithms=["ES256"])


def changed_claims(issuer: Issuer) -> str:
    """Change claims behind their signature."""
    head, _, signature = issuer.sign({"roles": ["viewer"]}).split(".")
    return f"{head}.{encoded(issuer.claims)}.{signature}"


def own_key_in_the_header(issuer: Issuer) -> str:
    """Bring the key along."""
    own = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": issuer.key.kid, "jwk": own.as_dict(private=False)}
    return jwt.encode(header, issuer.claims, own, algorithms=["ES256"])


def huge(issuer: Issuer) -> str:
    """Send a very long token."""
    return issuer.sign({"x": "x" * TOKEN_CHARACTERS_MAX})


def deeply_nested_header(issuer: Issuer) -> str:
    """Nest the header."""
    return f"{encoded(b'[' * 700)}.{encoded(issuer.claims)}.{encoded(b'x')}"


def signed_without(header: dict[str, Any]) -> Callable[[Issuer], str]:
    """A token with a genuine signature over a header that must not be accepted."""

    def made(issuer: Issuer) -> str:
        head = encoded({"alg": "ES256", "kid": issuer.key.kid} | header)
        payload = f"{head}.{encoded(issuer.claims)}".encode()
        private = issuer.key.private_key
        assert private is not None
        r, s = utils.decode_dss_signature(private.sign(payload, ec.ECDSA(SHA256())))
        return f"{payload.decode()}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    return made


ATTACKS: dict[str, Callable[[Issuer], str]] = {
    "no signature": without_signature,
    "no signature, in another case": none_in_another_case,
    "a signature that is not there": es256_said_but_not_signed,
    "a signature of zeros": zero_signature,
    "the public key as a secret": public_key_as_a_shared_secret,
    "another algorithm": another_algorithm_of_the_same_key,
    "an own key": own_key_under_a_known_id,
    "changed claims": changed_claims,
    "a key in the header": own_key_in_the_header,
    "a key's address": signed_without({"jku": "https://evil.example/jwks"}),
    "a certificate's address": signed_without({"x5u": "https://evil.example/x5u"}),
    "a certificate": signed_without({"x5c": ["MIIB"]}),
    "a critical extension": signed_without({"crit": ["exp"]}),
    "an unencoded payload": signed_without({"b64": False, "crit": ["b64"]}),
    "a compressed payload": signed_without({"zip": "DEF"}),
    "another type": signed_without({"typ": "logout+jwt"}),
    "a key id that is a path": signed_without({"kid": "../../../../dev/null"}),
    "a key id that is a statement": signed_without({"kid": "x' UNION SELECT 'y"}),
    "a key id that is no text": signed_without({"kid": ["a"]}),
    "no key id": lambda issuer: f"{encoded({'alg': 'ES256'})}.{encoded(issuer.claims)}.{encoded(bytes(64))}",
    "huge": huge,
    "nested": deeply_nested_header,
    "no token": lambda _: "abc",
    "too many parts": lambda issuer: issuer.sign() + ".x",
    "not text": lambda _: "é.ü.\x00",
    "another issuer": lambda issuer: issuer.sign({"iss": "https://evil.example"}),
    "no issuer": lambda issuer: issuer.sign({"iss": None}),
    "no end": lambda issuer: issuer.sign({"exp": None}),
    "an end that is no time": lambda issuer: issuer.sign({"exp": "tomorrow"}),
    "an end without end": lambda issuer: issuer.sign({"exp": 10**300}),
    "no subject": lambda issuer: issuer.sign({"sub": ""}),
    "a subject with a line break": lambda issuer: issuer.sign({"sub": "ana\nadmin"}),
}
"""Every attack by its name, and the function that makes its token."""

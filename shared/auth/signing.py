"""Make and read the installation's own signing key. It lies in the home folder, and only its owner can read it."""

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.auth import keyset
from shared.auth.errors import SigningKeyBroken
from shared.auth.principal import Role, SubjectKind
from shared.limits import CUSTOMER_TOKEN_MINUTES_MAX, TOKEN_DAYS_MAX
from shared.room import NO_ROOM
from shared.speech import words

ALGORITHM = "ES256"
CURVE = "P-256"
ISSUER = "huitou"
AUDIENCES: Mapping[SubjectKind, str] = {
    "operator": "operations",
    "partner": "partners",
    "customer": "storefront",
}
"""The audience of the tokens of each kind of subject. The audience of a token tells its kind."""

CUSTOMER_TTL_MAX = timedelta(minutes=CUSTOMER_TOKEN_MINUTES_MAX)
TTL_MAX = timedelta(days=TOKEN_DAYS_MAX)
"""The longest life of the token of an operator or a partner."""
OWNER_ONLY = 0o600


def keys_folder(home: Path) -> Path:
    """Return the folder of the installation's keys."""
    return home / "keys"


def signing_key_path(home: Path) -> Path:
    """Return the path of the installation's private key."""
    return keys_folder(home) / "signing.jwk.json"


def public_keys_path(home: Path) -> Path:
    """Return the path of the JWKS that verifies the installation's own tokens."""
    return keys_folder(home) / "jwks.json"


def ensure_signing_key(home: Path) -> ECKey:
    """Return the installation's signing key. A missing key is made, with its public JWKS.

    Several processes may do so at once. The first file that is linked into place stays, and all return its key.
    """
    path = signing_key_path(home)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ECKey.generate_key(CURVE, auto_kid=True)
        _place(path, json.dumps(key.as_dict(private=True)), OWNER_ONLY)
    return load_signing_key(home)


def load_signing_key(home: Path) -> ECKey:
    """Return the installation's signing key. Its public JWKS is made if it is missing.

    Raises SigningKeyBroken if the key is missing or damaged, or if the JWKS does not verify what the key signs.
    """
    return _load(home, make_public=True)


def read_signing_key(home: Path) -> ECKey:
    """Return the installation's signing key, and make nothing. Raises SigningKeyBroken as `load_signing_key` does."""
    return _load(home, make_public=False)


def _load(home: Path, *, make_public: bool) -> ECKey:
    path, public = signing_key_path(home), public_keys_path(home)
    try:
        key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))
        if not key.is_private or not key.kid or key.curve_name != CURVE:
            raise ValueError("no private key of this algorithm with an id")
        if make_public and not public.exists():
            _place(public, json.dumps({"keys": [key.as_dict(private=False)]}), 0o644)
        if public.exists() and not _is_verified_by(key, public.read_bytes()):
            raise SigningKeyBroken(words(__name__, "signing_key_other", public=public, path=path))
    except FileNotFoundError:
        raise SigningKeyBroken(words(__name__, "signing_key_missing", path=path)) from None
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SigningKeyBroken(
            words(__name__, "signing_key_damaged", path=path, public=public.name)
        ) from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise SigningKeyBroken(
            words(__name__, "signing_key_unreadable", path=path, public=public.name, error=error.strerror)
        ) from None
    return key


def _is_verified_by(key: ECKey, document: bytes) -> bool:
    """Whether a JWKS verifies what the key signs: it has the public half under the id that the tokens name."""
    verifying = keyset.read(document).get(str(key.kid))
    return verifying is not None and verifying.key.thumbprint() == key.thumbprint()


def signing_check(key: ECKey) -> bytes:
    """Return the check value of a signing key: its public thumbprint (RFC 7638)."""
    return key.thumbprint().encode()


def mint(
    key: ECKey,
    kind: SubjectKind,
    subject: str,
    *,
    now: datetime,
    ttl: timedelta,
    roles: Collection[Role] = (),
    scopes: Collection[str] = (),
    name: str | None = None,
    issuer: str = ISSUER,
) -> str:
    """Return a signed token for one subject, valid from `now` for `ttl`: for customers at most 15 minutes."""
    assert kind != "customer" or ttl <= CUSTOMER_TTL_MAX, "a customer's token lives 15 minutes at most"
    assert ttl <= TTL_MAX, "a token lives 31 days at most"
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": AUDIENCES[kind],
        "sub": subject,
        "iat": issued,
        "exp": issued + int(ttl.total_seconds()),
    }
    if roles:
        claims["roles"] = sorted(roles)
    if name is not None:
        claims["name"] = name
    if scopes:
        claims["scope"] = " ".join(sorted(scopes))
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def _place(path: Path, text: str, mode: int) -> None:
    """Write the whole file to the disk under another name, and link it to its path unless that exists by then."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()

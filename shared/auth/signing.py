"""Make and read the installation's own signing key. It lies in the home folder, and only its owner can read it."""

import json
import os
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from shared.auth.principal import Role, SubjectKind

ALGORITHM = "ES256"
ISSUER = "huitou"
AUDIENCES: Mapping[SubjectKind, str] = {
    "operator": "operations",
    "partner": "partners",
    "customer": "storefront",
}
"""The audience of the tokens of each kind of subject. The audience of a token tells its kind."""

CUSTOMER_TTL_MAX = timedelta(minutes=15)
OWNER_ONLY = 0o600


def signing_key_path(home: Path) -> Path:
    """Return the path of the installation's private key."""
    return home / "keys" / "signing.jwk.json"


def public_keys_path(home: Path) -> Path:
    """Return the path of the JWKS that verifies the installation's own tokens."""
    return home / "keys" / "jwks.json"


def ensure_signing_key(home: Path) -> ECKey:
    """Return the installation's signing key. A missing key is made, with its public JWKS.

    Several processes may do so at once. The first file that is linked into place stays, and all return its key.
    """
    path = signing_key_path(home)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ECKey.generate_key("P-256", auto_kid=True)
        _place(path, json.dumps(key.as_dict(private=True)), OWNER_ONLY)
    key = ECKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    public = public_keys_path(home)
    if not public.exists():
        _place(public, json.dumps({"keys": [key.as_dict(private=False)]}), 0o644)
    return key


def mint(
    key: ECKey,
    kind: SubjectKind,
    subject: str,
    *,
    now: datetime,
    ttl: timedelta,
    roles: Collection[Role] = (),
    scopes: Collection[str] = (),
    issuer: str = ISSUER,
) -> str:
    """Return a signed token for one subject, valid from `now` for `ttl`: for customers at most 15 minutes."""
    assert kind != "customer" or ttl <= CUSTOMER_TTL_MAX, "a customer's token lives 15 minutes at most"
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

"""Tokens of this installation, signed with the key in its home folder."""

import os
from datetime import timedelta
from pathlib import Path
from typing import get_args

from shared.auth import signing
from shared.auth.principal import Role
from shared.clock import SystemClock

ROLES: tuple[Role, ...] = get_args(Role)
OPERATOR_TTL = timedelta(days=7)
PARTNER_TTL = timedelta(days=1)
EXAMPLE_PARTNER = "example-brand"
"""The partner of the demo and of the banner."""
FOLDER = "tokens"
"""The folder in a home with a ready token of each role, for its owner alone."""


def operator(home: Path, role: Role, *, name: str = "console", full_name: str | None = None) -> str:
    """Mint a token of the operator with the login `name` and one role, valid for a week."""
    key, now = signing.load_signing_key(home), SystemClock().now()
    return signing.mint(key, "operator", name, now=now, ttl=OPERATOR_TTL, roles=[role], name=full_name)


def write_operators(home: Path) -> Path:
    """Write a new token of each role to a file of its own, which only its owner may read, and return their folder."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for role in ROLES:
        beside = folder / f".{role}.new"
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(operator(home, role) + "\n")
        beside.replace(folder / role)
    return folder


def customer(home: Path, customer_id: str) -> str:
    """Mint a token of one customer, valid for as long as customers' tokens may be."""
    key = signing.load_signing_key(home)
    return signing.mint(key, "customer", customer_id, now=SystemClock().now(), ttl=signing.CUSTOMER_TTL_MAX)


def partner(home: Path, partner_id: str, scopes: list[str]) -> str:
    """Mint a token of one partner with these scopes, valid for a day."""
    key = signing.load_signing_key(home)
    return signing.mint(key, "partner", partner_id, now=SystemClock().now(), ttl=PARTNER_TTL, scopes=scopes)

"""Tokens for the callers of a service that runs in the test's own process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
from starlette.types import ASGIApp

from shared.auth.principal import Role, SubjectKind
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import Clock
from tests.parts import answered

TTL = timedelta(hours=8)
CUSTOMER_TTL = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Subject:
    """The caller that a token names."""

    kind: SubjectKind
    id: str
    roles: tuple[Role, ...] = ()
    scopes: tuple[str, ...] = ()
    full_name: str | None = None


def operator(*roles: Role, name: str = "ana", full_name: str | None = None) -> Subject:
    """Return an operator with these roles."""
    return Subject("operator", name, roles, full_name=full_name)


def partner(name: str, scopes: Sequence[str] = ()) -> Subject:
    """Return a partner with these scopes."""
    return Subject("partner", name, (), tuple(scopes))


def customer(customer_id: str) -> Subject:
    """Return a customer."""
    return Subject("customer", customer_id)


def token(home: Path, clock: Clock, subject: Subject) -> str:
    """Mint a token that is valid from the clock's now, with the key below `home`."""
    ttl = CUSTOMER_TTL if subject.kind == "customer" else TTL
    key = ensure_signing_key(home)
    return mint(
        key,
        subject.kind,
        subject.id,
        now=clock.now(),
        ttl=ttl,
        roles=subject.roles,
        scopes=subject.scopes,
        name=subject.full_name,
    )


def client(
    app: ASGIApp, bearer: str | None, *, name: str = "service", raises: bool = True
) -> httpx2.AsyncClient:
    """Return a client of an app in this process; without a token when `bearer` is None."""
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=raises)
    return httpx2.AsyncClient(
        transport=transport,
        base_url=f"http://{name}",
        headers=headers,
        event_hooks={"response": [answered.note]},
    )

"""The rules about rows and events of the kernel's own tables."""

from collections.abc import Collection

from sqlalchemy import select

from shared.api_keys.tables import api_key
from shared.db import Read, any_of
from shared.events.profile import ApiKeyChanged, CustomerRegistered
from shared.identity import identity
from shared.verify.event_rules import EventRule, Fact, read_rows


async def erased_identities(read: Read, identity_ids: Collection[str]) -> Collection[str]:
    """Return those of these identities that were erased, in a service with the kernel's table of owners."""
    erased = select(identity.c.identity_id).where(
        any_of(identity.c.identity_id, sorted(identity_ids)), identity.c.erased_at.is_not(None)
    )
    return {identity_id for (identity_id,) in await read.all(erased)}


def _registered(event: CustomerRegistered) -> Fact:
    return Fact(event.identity_id)


def _made(event: ApiKeyChanged) -> Fact:
    return Fact(event.key_id)


def _revoked(event: ApiKeyChanged) -> Fact | None:
    return None if event.revoked_at is None else Fact(event.key_id)


IDENTITIES = EventRule(
    "customer_is_known",
    {CustomerRegistered: _registered},
    read_rows(select(identity.c.identity_id)),
    rows_need_events=False,
)
"""Each customer that was registered is known. Other events make identities known too."""
API_KEYS = (
    EventRule("api_key_has_its_event", {ApiKeyChanged: _made}, read_rows(select(api_key.c.id))),
    EventRule(
        "revoked_api_key_has_its_event",
        {ApiKeyChanged: _revoked},
        read_rows(select(api_key.c.id).where(api_key.c.revoked_at.is_not(None))),
    ),
)
"""The rules of a service that makes API keys or knows them: a key that was revoked is revoked everywhere."""

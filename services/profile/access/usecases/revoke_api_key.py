"""Revoke an API key of a partner."""

from services.profile.access.steps.tell_state import tell_state
from shared import api_keys, audit
from shared.api_keys import ApiKeyNotFound, ApiKeyRecord
from shared.audit import Change
from shared.db import Tx


async def revoke_api_key(tx: Tx, key_id: str) -> ApiKeyRecord:
    """Revoke a key, and tell the other services. A key that is revoked already stays as it is. Raises ApiKeyNotFound."""
    known = await api_keys.lock(tx, key_id)
    if known is None:
        raise ApiKeyNotFound
    if known.revoked_at is not None:
        return known
    revoked = await api_keys.revoke(tx, known)
    audit.note(tx, changes=[Change(key_id, "state", "in_force", "revoked")])
    tell_state(tx, revoked)
    return revoked

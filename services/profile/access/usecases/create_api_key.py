"""Create an API key of a partner."""

from collections.abc import Collection
from datetime import datetime

from services.profile.access.refusals import ExpiryInvalid, KeysInForce, PartnerKeysInForce
from services.profile.access.steps.tell_state import tell_state
from shared import api_keys
from shared.api_keys import ApiKeyRecord
from shared.auth.api_key import digest
from shared.db import Tx, locks
from shared.ids import new_id
from shared.limits import API_KEYS_MAX, API_KEYS_OF_PARTNER_MAX, INSTANT_MAX


async def create_api_key(
    tx: Tx,
    key: str,
    *,
    partner_id: str,
    label: str,
    scopes: Collection[str],
    expires_at: datetime | None,
) -> ApiKeyRecord:
    """Register a new key under its digest, and tell the other services.

    Raises ExpiryInvalid, PartnerKeysInForce or KeysInForce.
    """
    await locks.api_keys(tx)
    if expires_at is not None and not tx.now < expires_at < INSTANT_MAX:
        raise ExpiryInvalid
    in_force = await api_keys.count_in_force(tx, tx.now)
    if in_force[partner_id] >= API_KEYS_OF_PARTNER_MAX:
        raise PartnerKeysInForce
    if in_force.total() >= API_KEYS_MAX:
        raise KeysInForce
    record = ApiKeyRecord(
        id=new_id("key"),
        partner_id=partner_id,
        label=label,
        key_hash=digest(key),
        scopes=tuple(sorted(scopes)),
        created_at=tx.now,
        expires_at=expires_at,
        revoked_at=None,
        record_version=0,
    )
    await api_keys.insert(tx, record)
    tell_state(tx, record)
    return record

"""Tell the other services the state of an API key."""

from shared.api_keys import ApiKeyRecord
from shared.db import Tx
from shared.events.base import Cause
from shared.events.profile import ApiKeyChanged


def tell_state(tx: Tx, record: ApiKeyRecord) -> None:
    """Publish the whole state of a key that this transaction has changed."""
    tx.publish(
        ApiKeyChanged(
            occurred_at=tx.now,
            cause=Cause(kind="api_key", id=f"{record.id}:{record.record_version}"),
            key_id=record.id,
            record_version=record.record_version,
            partner_id=record.partner_id,
            label=record.label,
            key_hash=record.key_hash.hex(),
            scopes=record.scopes,
            created_at=record.created_at,
            expires_at=record.expires_at,
            revoked_at=record.revoked_at,
        )
    )

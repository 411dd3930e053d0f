"""The register of API keys. Profile keeps it; every other service has a copy that events bring."""

from shared.api_keys.checking import SECONDS_FRESH, ApiKeys, KnownKey
from shared.api_keys.refusals import ApiKeyNotFound
from shared.api_keys.register import SORTS, api_keys_changed, count_in_force, find, insert, lock, page, revoke
from shared.api_keys.tables import ApiKeyRecord, api_key

__all__ = [
    "SECONDS_FRESH",
    "SORTS",
    "ApiKeyNotFound",
    "ApiKeyRecord",
    "ApiKeys",
    "KnownKey",
    "api_key",
    "api_keys_changed",
    "count_in_force",
    "find",
    "insert",
    "lock",
    "page",
    "revoke",
]

"""Personal data at rest: a key a subject, keyed look-ups, and nothing readable once a subject's key is gone."""

from shared.vault.errors import SubjectErased, UnreadableToken, VaultKeyBroken
from shared.vault.tables import subject_key
from shared.vault.vault import Keys, Vault, open_vault

__all__ = [
    "Keys",
    "SubjectErased",
    "UnreadableToken",
    "Vault",
    "VaultKeyBroken",
    "open_vault",
    "subject_key",
]

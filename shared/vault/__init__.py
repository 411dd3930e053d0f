"""Protect stored personal data: one key per subject, look-ups by keyed hash, and erasure by destroying the key."""

from shared.vault.errors import SubjectErased, UnreadableToken, VaultKeyBroken
from shared.vault.tables import SubjectKeyRecord, subject_key
from shared.vault.vault import Keys, Vault, open_vault

__all__ = [
    "Keys",
    "SubjectErased",
    "SubjectKeyRecord",
    "UnreadableToken",
    "Vault",
    "VaultKeyBroken",
    "open_vault",
    "subject_key",
]

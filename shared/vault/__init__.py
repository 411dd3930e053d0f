"""Protect stored personal data: one key per subject, look-ups by keyed hash, and erasure by destroying the key."""

from shared.vault.errors import SubjectErased, UnreadableToken, VaultKeyBroken
from shared.vault.numbers import Numbers
from shared.vault.tables import KeyCheckRecord, SubjectKeyRecord, key_check, subject_key
from shared.vault.vault import Keys, MissingKeys, Vault, open_vault, references_path, vault_path

__all__ = [
    "KeyCheckRecord",
    "Keys",
    "MissingKeys",
    "Numbers",
    "SubjectErased",
    "SubjectKeyRecord",
    "UnreadableToken",
    "Vault",
    "VaultKeyBroken",
    "key_check",
    "open_vault",
    "references_path",
    "subject_key",
    "vault_path",
]

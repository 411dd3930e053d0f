"""Name the reasons why a sealed value cannot be opened."""

from shared.errors import DomainError, Kind


class SubjectErased(DomainError):
    """The subject's key was destroyed, so data sealed under it can never be read again."""

    kind, code = Kind.GONE, "customer_erased"


class UnreadableToken(Exception):
    """A sealed value does not open: it was altered or moved, or its key is missing."""


class VaultKeyBroken(Exception):
    """The installation's key file or setting cannot be understood. The message says why."""

"""What can keep a sealed value shut."""

from shared.errors import DomainError, Kind


class SubjectErased(DomainError):
    """The subject has no key any more: what was sealed for them stays unreadable for ever."""

    kind, code = Kind.GONE, "customer_erased"


class UnreadableToken(Exception):
    """A sealed value that does not open: altered, moved to another place, or sealed under a key not held."""


class VaultKeyBroken(Exception):
    """The installation's key file or setting cannot be understood; the message says what is wrong with it."""

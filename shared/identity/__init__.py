"""The register of owners: the owner of each identity, and its tombstone. Every consumer of facts has one."""

from shared.identity.register import Move, Moved, customer_of, erase, identities_of, lock, move
from shared.identity.tables import Owner, identity, identity_metadata

__all__ = [
    "Move",
    "Moved",
    "Owner",
    "customer_of",
    "erase",
    "identities_of",
    "identity",
    "identity_metadata",
    "lock",
    "move",
]

"""Who owns each identity, and whether it was erased: the register every consumer of facts keeps."""

from shared.identity.register import Move, Moved, Owner, customer_of, erase, identities_of, lock, move
from shared.identity.tables import identity, identity_metadata

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

"""The identities that one transaction knows of: they cannot be erased until it ends."""

from collections.abc import Iterable

from services.profile.people.refusals import TooMuchContention
from services.profile.people.storage import identifiers, identities
from services.profile.people.storage.identities import IdentityWithKey
from shared.db import Tx, locks
from shared.ids import is_id
from shared.vault import Keys, SubjectKeyRecord, Vault

ROUNDS_MAX = 5
"""The most rounds of looking up or claiming identifiers, before the caller is asked to come back.

Two rounds are enough when no identity is erased meanwhile.
"""


class KnownIdentities:
    """The identities that the facts of one batch name or lead to, their keys, and the holders of identifiers.

    One issuer reports the facts, and their identifiers lead to identities within that issuer.
    """

    def __init__(self, tx: Tx, vault: Vault, issuer: str) -> None:
        self._tx, self._vault, self._issuer = tx, vault, issuer
        self._identities: dict[str, IdentityWithKey] = {}
        self._new_keys: dict[str, SubjectKeyRecord] = {}
        self.holders: dict[bytes, str] = {}
        """The identity that holds an identifier, by blind index."""
        self.keys: Keys = vault.keys_of(())
        """The opened keys of all known identities, the new ones included."""

    def __getitem__(self, identity_id: str) -> IdentityWithKey:
        """Return a stored identity. Raises KeyError."""
        return self._identities[identity_id]

    def __contains__(self, identity_id: object) -> bool:
        """Return whether this is a stored identity."""
        return identity_id in self._identities

    @property
    def stored_ids(self) -> set[str]:
        """The ids of all stored identities that were met."""
        return set(self._identities)

    def owner_of(self, identity_id: str) -> str:
        """Return the owner of an identity; one that is not stored yet is its own."""
        return self[identity_id].owner_id if identity_id in self else identity_id

    async def look_up(self, named_ids: Iterable[str], indexes: Iterable[bytes]) -> None:
        """Read the identities that facts name, and those that hold the identifiers with these blind indexes."""
        for _ in range(ROUNDS_MAX):
            self.holders = await identifiers.holders(self._tx, self._issuer, indexes)
            await self._meet({*named_ids, *self.holders.values()})
            if all(self._is_alive(holder) for holder in self.holders.values()):
                return
            # A transaction that waited for an erasure sees it now: the next look finds its identifiers gone.
        raise TooMuchContention

    async def read_winners(self, indexes: Iterable[bytes]) -> set[bytes]:
        """Read who made these identifiers theirs, and return the blind indexes that nobody else holds.

        The winners have committed, otherwise this transaction would still wait. Their buckets are taken after claims,
        out of the lock order. Only an erasure takes buckets exclusively, and an erasure waits for no claim.
        """
        winners = await identifiers.holders(self._tx, self._issuer, indexes)
        await self._meet(set(winners.values()))
        self.holders |= {index: holder for index, holder in winners.items() if self._is_alive(holder)}
        return set(indexes) - winners.keys()

    def make_keys(self, identity_ids: Iterable[str]) -> None:
        """Make keys for those of these new identities that have none yet."""
        keys, records = self._vault.mint(
            identity_id for identity_id in identity_ids if identity_id not in self._new_keys
        )
        self.keys |= keys
        self._new_keys |= {record.identity_id: record for record in records}

    def new_keys_of(self, identity_ids: Iterable[str]) -> list[SubjectKeyRecord]:
        """Return the keys of these new identities as records to store."""
        return [self._new_keys[identity_id] for identity_id in identity_ids]

    async def _meet(self, identity_ids: set[str]) -> None:
        """Lock those of these identities that are not known yet against erasure, and read them."""
        unknown = sorted(
            identity_id for identity_id in identity_ids - self._identities.keys() if is_id("cus", identity_id)
        )
        if unknown:
            await locks.identities(self._tx, unknown)
            stored = await identities.find(self._tx, unknown)
            self._identities |= {identity.identity_id: identity for identity in stored}
            self.keys |= identities.open_keys(self._vault, stored)

    def _is_alive(self, identity_id: str) -> bool:
        return identity_id in self and not self[identity_id].is_erased

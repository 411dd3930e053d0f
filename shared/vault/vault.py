"""The vault of one service: seals and opens what is personal, and computes keyed hashes."""

import base64
import hmac
import os
import zlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select

from shared.db import Read, Tx, any_of
from shared.vault import installation, tokens
from shared.vault.errors import SubjectErased, UnreadableToken
from shared.vault.tables import BUCKETS, subject_key

BLIND_INDEX_BYTES = 16
REFERENCE_BYTES = 16
SUBJECTS_MAX = 10_000
_INSTALLATION = "installation"
_UNIT_SEPARATOR = b"\x1f"


class Keys:
    """The opened keys of some subjects, for as long as one request or one batch lasts."""

    def __init__(self, service: str, secrets: Mapping[str, bytes]) -> None:
        self._service = service
        self._ciphers = {identity_id: AESGCM(secret) for identity_id, secret in secrets.items()}

    def __contains__(self, identity_id: object) -> bool:
        return identity_id in self._ciphers

    def __or__(self, more: "Keys") -> "Keys":
        joined = Keys(self._service, {})
        joined._ciphers = self._ciphers | more._ciphers
        return joined

    def seal(self, identity_id: str, field: str, text: str) -> bytes:
        """Seal one field of one subject. Raises SubjectErased when the subject has no key."""
        bound_to = tokens.associated_data(self._service, identity_id, field)
        return tokens.seal(self._cipher(identity_id), tokens.SUBJECT_KEY, text, bound_to)

    def open(self, identity_id: str, field: str, token: bytes) -> str:
        """Read one field of one subject. Raises SubjectErased, or UnreadableToken when it was sealed elsewhere."""
        if tokens.key_id(token) != tokens.SUBJECT_KEY:
            raise UnreadableToken("sealed under the installation's key, not a subject's")
        bound_to = tokens.associated_data(self._service, identity_id, field)
        return tokens.open_token(self._cipher(identity_id), token, bound_to)

    def _cipher(self, identity_id: str) -> AESGCM:
        try:
            return self._ciphers[identity_id]
        except KeyError:
            raise SubjectErased from None


class Vault:
    """Keys of one service, each purpose with its own: subjects' keys, installation data, blind index, digests.

    `generations` are the installation's secrets of this service, `reference_secret` the one all services share.
    """

    def __init__(self, service: str, generations: Mapping[int, bytes], reference_secret: bytes) -> None:
        self.service = service
        self._newest = max(generations)
        self._wrapping = _ciphers(installation.derive_all(generations, service, "wrap"))
        self._data = _ciphers(installation.derive_all(generations, service, "data"))
        self._stable = generations[min(generations)]
        self._references = installation.derive(reference_secret, "reference")
        self._digests: dict[str, bytes] = {}
        self.index_generation = min(generations)

    async def keys(self, read: Read, identity_ids: Iterable[str]) -> Keys:
        """Open the keys of these subjects with one statement; who has none, or none any more, is not in it."""
        return Keys(self.service, await self._stored(read, _bounded(identity_ids)))

    def keys_of(self, rows: Iterable[tuple[str, int, bytes]]) -> Keys:
        """The keys in rows (identity, master key, wrapped) that a reader joined into a statement of its own."""
        return Keys(
            self.service,
            {name: self._unwrap(name, master_key, wrapped) for name, master_key, wrapped in rows},
        )

    def mint(self, identity_ids: Iterable[str]) -> tuple[Keys, list[dict[str, Any]]]:
        """New keys for subjects that nobody else can know yet, and the rows of `subject_key` that keep them."""
        secrets = {identity_id: os.urandom(installation.KEY_BYTES) for identity_id in _bounded(identity_ids)}
        return Keys(self.service, secrets), [
            self._row(identity_id, key) for identity_id, key in secrets.items()
        ]

    async def new_subject(self, tx: Tx, identity_ids: Iterable[str]) -> Keys:
        """The keys of these subjects, made and stored for those who have none.

        The caller has locked the identities and knows that none of them is erased: a new key for an erased
        subject would read nothing old, but would make them a subject again.
        """
        wanted = _bounded(identity_ids)
        secrets = await self._stored(tx, wanted)
        fresh = {name: os.urandom(installation.KEY_BYTES) for name in wanted if name not in secrets}
        if fresh:
            rows = [self._row(identity_id, key) for identity_id, key in fresh.items()]
            kept = {name for (name,) in await tx.insert_new(subject_key, rows)}
            secrets |= {identity_id: key for identity_id, key in fresh.items() if identity_id in kept}
            secrets |= await self._stored(tx, [name for name in fresh if name not in kept])
        return Keys(self.service, secrets)

    async def destroy(self, tx: Tx, identity_ids: Iterable[str]) -> int:
        """Destroy the keys of these subjects and say how many there were: what was sealed for them is unreadable."""
        return await tx.execute(
            delete(subject_key).where(any_of(subject_key.c.identity_id, _bounded(identity_ids)))
        )

    def seal(self, field: str, text: str) -> bytes:
        """Seal what belongs to no single subject, under the installation's newest key."""
        bound_to = tokens.associated_data(self.service, _INSTALLATION, field)
        return tokens.seal(self._data[self._newest], self._newest, text, bound_to)

    def open(self, field: str, token: bytes) -> str:
        """Read what `seal` sealed. Raises UnreadableToken."""
        cipher = self._data.get(tokens.key_id(token))
        if cipher is None:
            raise UnreadableToken("sealed under a generation of the installation's key that is not held")
        return tokens.open_token(cipher, token, tokens.associated_data(self.service, _INSTALLATION, field))

    def index(self, kind: str, issuer: str, normalised: str) -> bytes:
        """The blind index of an identifier, 16 bytes: equal for equal identifiers, meaningless without the key."""
        named = _UNIT_SEPARATOR.join((kind.encode(), issuer.encode(), normalised.encode()))
        return hmac.digest(self._index_key, named, "sha256")[:BLIND_INDEX_BYTES]

    def digest(self, purpose: str, content: bytes) -> bytes:
        """A keyed hash of 32 bytes; the same content under two purposes gives unrelated digests."""
        key = self._digests.get(purpose)
        if key is None:
            key = self._digests[purpose] = installation.derive(self._stable, self.service, "digest", purpose)
        return hmac.digest(key, content, "sha256")

    def reference(self, issuer: str, external_id: str) -> str:
        """The name, in events, of an external id of an issuer: 22 characters, the same in every service."""
        named = issuer.encode() + _UNIT_SEPARATOR + external_id.encode()
        token = hmac.digest(self._references, named, "sha256")[:REFERENCE_BYTES]
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode()

    @cached_property
    def _index_key(self) -> bytes:
        return installation.derive(self._stable, self.service, "index")

    def _row(self, identity_id: str, secret: bytes) -> dict[str, Any]:
        return {
            "identity_id": identity_id,
            "bucket": zlib.crc32(identity_id.encode()) % BUCKETS,
            "master_key": self._newest,
            "wrapped": tokens.wrap(self._wrapping[self._newest], secret, self._bound(identity_id)),
        }

    async def _stored(self, read: Read, identity_ids: list[str]) -> dict[str, bytes]:
        if not identity_ids:
            return {}
        rows = await read.all(
            select(subject_key.c.identity_id, subject_key.c.master_key, subject_key.c.wrapped).where(
                any_of(subject_key.c.identity_id, identity_ids)
            )
        )
        return {
            identity_id: self._unwrap(identity_id, master_key, wrapped)
            for identity_id, master_key, wrapped in rows
        }

    def _unwrap(self, identity_id: str, master_key: int, wrapped: bytes) -> bytes:
        cipher = self._wrapping.get(master_key)
        if cipher is None:
            raise UnreadableToken(
                "a subject's key wrapped by a generation of the installation's key that is not held"
            )
        return tokens.unwrap(cipher, wrapped, self._bound(identity_id))

    def _bound(self, identity_id: str) -> bytes:
        return tokens.associated_data(self.service, identity_id, "subject_key")


def open_vault(
    home: Path, service: str, *, key: str | None = None, reference_key: str | None = None
) -> Vault:
    """The vault of a service: its secrets from the settings where given, else from `<home>/keys`, made if missing.

    Raises VaultKeyBroken when a key cannot be understood.
    """
    folder = home / "keys"
    generations = (
        installation.parse(key, "HUITOU_VAULT_KEY") if key else installation.load(folder / f"{service}.vault")
    )
    shared = (
        installation.parse(reference_key, "HUITOU_REFERENCE_KEY")
        if reference_key
        else installation.load(folder / "references.vault")
    )
    return Vault(service, generations, shared[min(shared)])


def _ciphers(keys: Mapping[int, bytes]) -> dict[int, AESGCM]:
    return {generation: AESGCM(key) for generation, key in keys.items()}


def _bounded(identity_ids: Iterable[str]) -> list[str]:
    """Sorted and each once, so that multi-row writes take their locks in one order."""
    wanted = sorted(set(identity_ids))
    assert len(wanted) <= SUBJECTS_MAX, "read subjects in pages"
    return wanted

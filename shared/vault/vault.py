"""Seal and open the personal data of one service, and compute keyed hashes."""

import base64
import hmac
import os
import zlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from sqlalchemy import delete, select

from shared.db import Read, Tx, any_named, any_of, columns_of
from shared.speech import words
from shared.vault import installation, tokens
from shared.vault.errors import SubjectErased, UnreadableToken, VaultKeyBroken
from shared.vault.numbers import Numbers
from shared.vault.tables import BUCKETS, SubjectKeyRecord, subject_key

BLIND_INDEX_BYTES = 16
REFERENCE_BYTES = 16
REFERENCE_MARK_BYTES = 8
SUBJECTS_MAX = 10_000
_INSTALLATION = "installation"
_NAME = "name"
_UNIT_SEPARATOR = b"\x1f"
_STORED = select(*columns_of(subject_key, SubjectKeyRecord)).where(
    any_named(subject_key.c.identity_id, "identity_ids")
)
"""The statement is built once, because building it costs more than running it."""


class Keys:
    """The opened keys of some subjects, for the time of one request or one batch."""

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
        """Seal one field of one subject. Raises SubjectErased if the subject has no key."""
        bound_to = tokens.associated_data(self._service, identity_id, field)
        return tokens.seal(self._cipher(identity_id), tokens.SUBJECT_KEY, text, bound_to)

    def open(self, identity_id: str, field: str, token: bytes) -> str:
        """Open one field of one subject. Raises SubjectErased, or UnreadableToken if it was sealed for another place."""
        if tokens.key_id(token) != tokens.SUBJECT_KEY:
            raise UnreadableToken("sealed under the installation's key, not a subject's")
        bound_to = tokens.associated_data(self._service, identity_id, field)
        return tokens.open_token(self._cipher(identity_id), token, bound_to)

    def open_if_known(self, identity_id: str, field: str, token: bytes | None) -> str | None:
        """Open one field of one subject. Return None if it has no value, or if the subject has no key, for example erased."""
        if token is None or identity_id not in self:
            return None
        return self.open(identity_id, field, token)

    def _cipher(self, identity_id: str) -> AESGCM:
        try:
            return self._ciphers[identity_id]
        except KeyError:
            raise SubjectErased from None


class Vault:
    """The keys of one service, one per purpose: subjects' keys, installation data, blind index, digests.

    `generations` are the installation's secrets for this service. All services share `reference_secret`.
    """

    def __init__(self, service: str, generations: Mapping[int, bytes], reference_secret: bytes) -> None:
        self.service = service
        self.checks = installation.derive_all(generations, service, "check")
        """The check value of each generation. It reveals nothing about the key."""
        self.reference_check = installation.derive(reference_secret, "reference", "check")
        """The check value of the key of references."""
        self.reference_mark = self.reference_check[:REFERENCE_MARK_BYTES].hex()
        """The beginning of it, which events tell: every service must have the same key."""
        self._newest = max(generations)
        self._wrapping = _ciphers(installation.derive_all(generations, service, "wrap"))
        self._data = _ciphers(installation.derive_all(generations, service, "data"))
        self._names = {
            generation: AESSIV(
                b"".join(installation.derive(secret, service, "names", half) for half in ("mac", "cipher"))
            )
            for generation, secret in generations.items()
        }
        self._stable = generations[min(generations)]
        self._references = installation.derive(reference_secret, "reference")
        self.numbers = Numbers(installation.derive(reference_secret, service, "numbers"))
        """The names of the service's numbers. The key of references is never changed, and so no name ever changes."""
        self._digests: dict[str, bytes] = {}
        self.index_generation = min(generations)

    async def keys(self, read: Read, identity_ids: Iterable[str]) -> Keys:
        """Open the keys of these subjects with one statement. Subjects without a key are left out."""
        return Keys(self.service, await self._stored(read, _bounded(identity_ids)))

    def keys_of(self, rows: Iterable[tuple[str, int, bytes]]) -> Keys:
        """Open the keys in rows (identity, master key, wrapped) that a query of another table has joined."""
        return Keys(
            self.service,
            {name: self._unwrap(name, master_key, wrapped) for name, master_key, wrapped in rows},
        )

    def mint(self, identity_ids: Iterable[str]) -> tuple[Keys, list[SubjectKeyRecord]]:
        """Make keys for new subjects that no other transaction knows yet. Return them, and their records for `subject_key`."""
        secrets = {identity_id: os.urandom(installation.KEY_BYTES) for identity_id in _bounded(identity_ids)}
        return Keys(self.service, secrets), [
            self._row(identity_id, key) for identity_id, key in secrets.items()
        ]

    async def new_subject(self, tx: Tx, identity_ids: Iterable[str]) -> Keys:
        """Return the keys of these subjects. Keys that are missing are made and stored.

        The caller has locked the identities and knows that none of them is erased. A new key for an erased subject could
        not open old data, but new data could be sealed for that subject again.
        """
        wanted = _bounded(identity_ids)
        secrets = await self._stored(tx, wanted)
        fresh = {name: os.urandom(installation.KEY_BYTES) for name in wanted if name not in secrets}
        if fresh:
            rows = [self._row(identity_id, key) for identity_id, key in fresh.items()]
            stored = {name for (name,) in await tx.insert_new_records(subject_key, rows)}
            secrets |= {identity_id: key for identity_id, key in fresh.items() if identity_id in stored}
            secrets |= await self._stored(tx, [name for name in fresh if name not in stored])
        return Keys(self.service, secrets)

    async def destroy(self, tx: Tx, identity_ids: Iterable[str]) -> int:
        """Destroy the keys of these subjects, so that their data is unreadable. Return the number of keys."""
        return await tx.execute(
            delete(subject_key).where(any_of(subject_key.c.identity_id, _bounded(identity_ids)))
        )

    def seal(self, field: str, text: str) -> bytes:
        """Seal data that belongs to no single subject, under the installation's newest key."""
        bound_to = tokens.associated_data(self.service, _INSTALLATION, field)
        return tokens.seal(self._data[self._newest], self._newest, text, bound_to)

    def open(self, field: str, token: bytes) -> str:
        """Open a value that `seal` has sealed. Raises UnreadableToken."""
        cipher = self._data.get(tokens.key_id(token))
        if cipher is None:
            raise UnreadableToken("sealed under a generation of the installation's key that is not held")
        return tokens.open_token(cipher, token, tokens.associated_data(self.service, _INSTALLATION, field))

    def conceal(self, name: str) -> str:
        """Return the pseudonym that is stored for the name of an operator. Equal names have equal pseudonyms.

        It opens with the installation's key only, for the name of an operator belongs to no customer.
        """
        bound_to = tokens.associated_data(self.service, _INSTALLATION, _NAME)
        generation = self.index_generation
        return tokens.pseudonym(self._names[generation], generation, name, bound_to)

    def reveal(self, stored: str) -> str:
        """Return a stored actor as people know it. A pseudonym, also behind `operator:`, is opened; all else stays.

        Raises UnreadableToken.
        """
        kind, mark, rest = stored.partition(tokens.PSEUDONYM)
        if not mark:
            return stored
        generation, sealed = tokens.pseudonym_parts(mark + rest)
        if generation not in self._names:
            raise UnreadableToken("sealed under a generation of the installation's key that is not held")
        bound_to = tokens.associated_data(self.service, _INSTALLATION, _NAME)
        return kind + tokens.name_of(self._names[generation], sealed, bound_to)

    def index(self, kind: str, issuer: str, normalised: str) -> bytes:
        """Return the blind index of an identifier: 16 bytes, equal for equal identifiers."""
        named = _UNIT_SEPARATOR.join((kind.encode(), issuer.encode(), normalised.encode()))
        return hmac.digest(self._index_key, named, "sha256")[:BLIND_INDEX_BYTES]

    def digest(self, purpose: str, content: bytes) -> bytes:
        """Return a keyed hash of 32 bytes. Equal content has unrelated digests under different purposes."""
        key = self._digests.get(purpose)
        if key is None:
            key = self._digests[purpose] = installation.derive(self._stable, self.service, "digest", purpose)
        return hmac.digest(key, content, "sha256")

    def reference(self, issuer: str, external_id: str) -> str:
        """Return the name that stands in events for an external id: 22 characters, the same in every service."""
        named = issuer.encode() + _UNIT_SEPARATOR + external_id.encode()
        token = hmac.digest(self._references, named, "sha256")[:REFERENCE_BYTES]
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode()

    @cached_property
    def _index_key(self) -> bytes:
        return installation.derive(self._stable, self.service, "index")

    def _row(self, identity_id: str, secret: bytes) -> SubjectKeyRecord:
        return SubjectKeyRecord(
            identity_id=identity_id,
            bucket=zlib.crc32(identity_id.encode()) % BUCKETS,
            master_key=self._newest,
            wrapped=tokens.wrap(self._wrapping[self._newest], secret, self._bound(identity_id)),
        )

    async def _stored(self, read: Read, identity_ids: list[str]) -> dict[str, bytes]:
        if not identity_ids:
            return {}
        records = await read.read_records(SubjectKeyRecord, _STORED, {"identity_ids": identity_ids})
        return {
            record.identity_id: self._unwrap(record.identity_id, record.master_key, record.wrapped)
            for record in records
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


class MissingKeys(Vault):
    """The vault of a service that has no keys yet, because its database has not said whether it needs some. It does nothing."""

    def __init__(self, service: str) -> None:
        self.service = service

    def __getattr__(self, name: str) -> NoReturn:
        raise VaultKeyBroken(words(__name__, "vault_keys_missing", service=self.service))


def vault_path(home: Path, service: str) -> Path:
    """Return the path of the keys under which a service seals its data."""
    return home / "keys" / f"{service}.vault"


def references_path(home: Path) -> Path:
    """Return the path of the key of references."""
    return home / "keys" / "references.vault"


def open_vault(
    home: Path, service: str, *, key: str | None = None, reference_key: str | None = None
) -> Vault:
    """Open the vault of a service.

    Its secrets come from the settings, or else from `<home>/keys`, where missing files are made. Raises VaultKeyBroken if a
    key cannot be understood.
    """
    generations = (
        installation.parse(key, "HUITOU_VAULT_KEY") if key else installation.load(vault_path(home, service))
    )
    shared = (
        installation.parse(reference_key, "HUITOU_REFERENCE_KEY")
        if reference_key
        else installation.load(references_path(home))
    )
    return Vault(service, generations, shared[min(shared)])


def _ciphers(keys: Mapping[int, bytes]) -> dict[int, AESGCM]:
    return {generation: AESGCM(key) for generation, key in keys.items()}


def _bounded(identity_ids: Iterable[str]) -> list[str]:
    """Return the ids sorted and without repeats, so that multi-row writes take their locks in one order."""
    wanted = sorted(set(identity_ids))
    assert len(wanted) <= SUBJECTS_MAX, "read subjects in pages"
    return wanted

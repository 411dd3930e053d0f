"""Compare the keys that a process holds with the check values that its database keeps of the keys it was written with.

A check value is derived from a key and reveals nothing about it. It is recorded when a key is first used with a database.
From then on the database is opened with this key only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update

from shared.db import Read, Tx, columns_of
from shared.vault.errors import UnreadableToken
from shared.vault.tables import KeyCheckRecord, SubjectKeyRecord, key_check, subject_key
from shared.vault.vault import Vault

VAULT = "vault"
"""The purpose of the keys under which a service seals its data."""
REFERENCES = "references"
"""The purpose of the key that names external ids in events."""
REFERENCES_TOLD = "references_told"
"""The purpose of what profile has told of its key of references, if this service has met another than its own."""
TOKENS = "tokens"
"""The purpose of the installation's own key that signs tokens."""

SAMPLE = 5
"""The number of wrapped keys that are tried for each generation, so that one damaged row does not refuse a right key."""


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """The keys that a process holds for one purpose: the check value of each generation."""

    purpose: str
    origin: str
    """The file or the setting that the keys come from, to name it in a sentence."""
    values: Mapping[int, bytes]


class OtherKeys(Exception):
    """The keys of one purpose are not those that the database was written with."""

    def __init__(self, held: HeldKeys) -> None:
        super().__init__(held.origin)
        self.held = held


async def prove(tx: Tx, every: Sequence[HeldKeys], vault: Vault) -> None:
    """Compare these keys with the recorded check values, and record those of keys that are new. Raises OtherKeys.

    A key of references that profile has told of takes the place of a wrong one: no row was written with it.
    """
    recorded = await recorded_checks(tx)
    if bytes.fromhex(vault.reference_mark) in _values(recorded, REFERENCES_TOLD):
        await tx.execute(
            update(key_check).where(key_check.c.purpose == REFERENCES).values(value=vault.reference_check)
        )
        recorded = await recorded_checks(tx)
    new = await compare(tx, recorded, every, vault)
    if new and len(await tx.insert_new_records(key_check, new)) < len(new):
        await prove(tx, every, vault)  # another process has recorded its keys meanwhile: compare with those


async def compare(
    read: Read, recorded: Sequence[KeyCheckRecord], every: Sequence[HeldKeys], vault: Vault
) -> list[KeyCheckRecord]:
    """Compare these keys with the recorded check values. Return the check values that are not recorded yet.

    A database that has no check value of its vault yet was written by an older version, or by nobody. Then a key proves
    itself when it opens a wrapped key of a subject. Raises OtherKeys.
    """
    new = list[KeyCheckRecord]()
    for held in every:
        known = {record.generation: record.value for record in recorded if record.purpose == held.purpose}
        if _differ(held.values, known):
            raise OtherKeys(held)
        if held.purpose == VAULT and not known and not await _opens_subjects(read, vault):
            raise OtherKeys(held)
        new += [
            KeyCheckRecord(held.purpose, generation, value)
            for generation, value in sorted(held.values.items())
            if generation not in known
        ]
    return new


async def tell_references(tx: Tx, mark: str) -> None:
    """Note what profile has told of its key of references, which is not that of this service."""
    told = KeyCheckRecord(REFERENCES_TOLD, 1, bytes.fromhex(mark))
    await tx.upsert_records(key_check, [told], key=("purpose", "generation"))


async def has_other_references(read: Read, vault: Vault) -> bool:
    """Return whether profile has told of another key of references than the one in this vault."""
    told = _values(await recorded_checks(read), REFERENCES_TOLD)
    return bool(told) and bytes.fromhex(vault.reference_mark) not in told


def _values(recorded: Sequence[KeyCheckRecord], purpose: str) -> list[bytes]:
    return [bytes(record.value) for record in recorded if record.purpose == purpose]


async def recorded_checks(read: Read) -> list[KeyCheckRecord]:
    """Return the check values that the database keeps."""
    return await read.read_records(KeyCheckRecord, select(*columns_of(key_check, KeyCheckRecord)))


def _differ(held: Mapping[int, bytes], known: Mapping[int, bytes]) -> bool:
    """Whether a known key is not held, or a key is held that would be used for hashes instead of the known one."""
    if any(held.get(generation) != value for generation, value in known.items()):
        return True
    return bool(known) and min(held) < min(known)


async def _opens_subjects(read: Read, vault: Vault) -> bool:
    """Whether the vault opens wrapped keys of every generation that the database has; true if it has none."""
    generations = await read.all(
        select(subject_key.c.master_key, func.count()).group_by(subject_key.c.master_key)
    )
    for generation, _ in generations:
        rows = await read.read_records(
            SubjectKeyRecord,
            select(*columns_of(subject_key, SubjectKeyRecord))
            .where(subject_key.c.master_key == generation)
            .order_by(subject_key.c.identity_id)
            .limit(SAMPLE),
        )
        if not any(_opens(vault, row) for row in rows):
            return False
    return True


def _opens(vault: Vault, row: SubjectKeyRecord) -> bool:
    try:
        vault.keys_of([(row.identity_id, row.master_key, row.wrapped)])
    except UnreadableToken:
        return False
    return True

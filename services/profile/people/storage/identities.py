"""Identities: their owners, their states, and the keys that their data is sealed with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from services.profile.people.domain.customers import CustomerSelection, IdentityState, Origin
from services.profile.people.storage.tables import IdentityRecord, identity
from shared.db import Read, Tx, any_of
from shared.vault import Keys, SubjectKeyRecord, Vault, subject_key


@dataclass(frozen=True, slots=True)
class IdentityWithKey:
    """An identity joined with its wrapped key, which an erased identity no longer has."""

    identity_id: str
    owner_id: str
    state: IdentityState
    origin: Origin
    issuer: str
    created_at: datetime
    master_key: int | None
    wrapped: bytes | None

    @property
    def is_erased(self) -> bool:
        """Whether the identity was erased."""
        return self.state == "erased"


async def find(read: Read, identity_ids: Iterable[str]) -> list[IdentityWithKey]:
    """Return those of these identities that exist, with their keys, in one statement."""
    wanted = sorted(set(identity_ids))
    if not wanted:
        return []
    return await read.read_records(IdentityWithKey, _WITH_KEY.where(any_of(identity.c.identity_id, wanted)))


async def owned_by(read: Read, owner_ids: Sequence[str]) -> list[IdentityWithKey]:
    """Return the identities of these owners by id, with their keys, in one statement."""
    return await read.read_records(
        IdentityWithKey, _WITH_KEY.where(_belong_to(owner_ids)).order_by(identity.c.identity_id)
    )


async def ids_owned_by(read: Read, owner_id: str) -> list[str]:
    """Return the ids of the identities of one owner."""
    rows = await read.all(select(identity.c.identity_id).where(_belong_to([owner_id])))
    return [identity_id for (identity_id,) in rows]


async def owners(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the owner that each of these identities has now."""
    wanted = sorted(set(identity_ids))
    rows = await read.all(
        select(identity.c.identity_id, identity.c.owner_id).where(any_of(identity.c.identity_id, wanted))
    )
    return {row.identity_id: row.owner_id for row in rows}


async def owner_of(read: Read, identity_id: str, issuer: str | None) -> str | None:
    """Return the owner of an identity. None if it is unknown, erased, or was not brought by `issuer`, if given."""
    statement = select(identity.c.owner_id).where(
        identity.c.identity_id == identity_id, identity.c.state != "erased"
    )
    return await read.scalar(statement if issuer is None else statement.where(identity.c.issuer == issuer))


async def page(read: Read, selection: CustomerSelection, *, before: str | None, limit: int) -> list[str]:
    """Return the ids of at most `limit` owners that were made before the owner `before`, the latest first."""
    statement = (
        select(identity.c.identity_id)
        .where(identity.c.owner_id == identity.c.identity_id, identity.c.state != "erased")
        .order_by(identity.c.identity_id.desc())
        .limit(limit)
    )
    if selection.issuer is not None:
        statement = statement.where(identity.c.issuer == selection.issuer)
    if selection.origin is not None:
        statement = statement.where(identity.c.origin == selection.origin)
    if selection.created_from is not None:
        statement = statement.where(identity.c.created_at >= selection.created_from)
    if selection.created_until is not None:
        statement = statement.where(identity.c.created_at < selection.created_until)
    if before is not None:
        statement = statement.where(identity.c.identity_id < before)
    return [owner_id for (owner_id,) in await read.all(statement)]


async def insert(tx: Tx, records: Sequence[IdentityRecord], keys: Sequence[SubjectKeyRecord]) -> None:
    """Store new identities and their wrapped keys."""
    await tx.insert_records(identity, records)
    await tx.insert_records(subject_key, keys)


def open_keys(vault: Vault, identities: Iterable[IdentityWithKey]) -> Keys:
    """Open the keys of those of these identities that have one."""
    return vault.keys_of(
        (known.identity_id, known.master_key, known.wrapped)
        for known in identities
        if known.master_key is not None and known.wrapped is not None
    )


def exists(identity_id: ColumnElement[str] | ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the condition that an identity with this id exists, for a statement about other tables."""
    return select(identity.c.identity_id).where(identity.c.identity_id == identity_id).exists()


def _belong_to(owner_ids: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that an identity has one of these owners.

    It is written so that both the primary key and the partial index over owned identities serve it.
    """
    mine, owner = identity.c.identity_id, identity.c.owner_id
    is_owner, is_owned = any_of(mine, owner_ids), and_(any_of(owner, owner_ids), owner != mine)
    return and_(any_of(owner, owner_ids), or_(is_owner, is_owned))


_WITH_KEY = select(
    identity.c.identity_id,
    identity.c.owner_id,
    identity.c.state,
    identity.c.origin,
    identity.c.issuer,
    identity.c.created_at,
    subject_key.c.master_key,
    subject_key.c.wrapped,
).outerjoin(subject_key, subject_key.c.identity_id == identity.c.identity_id)

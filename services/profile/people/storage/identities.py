"""Identities: their owners, their states, and the keys that their data is sealed with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, or_, select, update

from services.profile.people.domain.customers import CustomerSelection, IdentityState, Origin
from services.profile.people.storage.tables import IdentityRecord, identity
from shared.auth.principal import SHOP
from shared.db import Read, Slice, Sorts, Tx, any_named, any_of, columns_of
from shared.db.partial import equals_with_index
from shared.vault import Keys, SubjectKeyRecord, Vault, subject_key

SORTS = Sorts(
    id=(identity.c.identity_id,),
    created_at=(identity.c.created_at, identity.c.identity_id),
    updated_at=(identity.c.updated_at, identity.c.identity_id),
)


@dataclass(frozen=True, slots=True)
class IdentityWithKey:
    """An identity joined with its wrapped key, which an erased identity no longer has."""

    identity_id: str
    owner_id: str
    state: IdentityState
    origin: Origin
    issuer: str
    created_at: datetime
    updated_at: datetime
    master_key: int | None
    wrapped: bytes | None

    @property
    def is_erased(self) -> bool:
        """Whether the identity was erased."""
        return self.state == "erased"


@dataclass(frozen=True, slots=True)
class VersionedIdentity:
    """An identity, its owner, and the version of what events told of it."""

    identity_id: str
    owner_id: str
    record_version: int


@dataclass(frozen=True, slots=True)
class PlacedIdentity:
    """An identity with the columns that decide about its place in a list."""

    identity_id: str
    created_at: datetime
    updated_at: datetime


async def find(read: Read, identity_ids: Iterable[str]) -> list[IdentityWithKey]:
    """Return those of these identities that exist, with their keys, in one statement."""
    wanted = sorted(set(identity_ids))
    if not wanted:
        return []
    return await read.read_records(IdentityWithKey, _OF_IDS, {"wanted": wanted})


async def of_customers(
    read: Read, customer_ids: Sequence[str], issuer: str | None
) -> dict[str, list[IdentityWithKey]]:
    """Return the identities of customers, by the id under which `issuer` meets each, in one statement.

    None as issuer: all identities of an owner, by the owner's id. An issuer meets only the identities that it brought:
    those with an owner that it brought too are one customer, and any other is a customer by itself.
    """
    wanted = _belong_to(customer_ids)
    if issuer is not None:
        named = any_of(identity.c.identity_id, customer_ids)
        wanted = and_(or_(wanted, named), identity.c.issuer == issuer)
    known = await read.read_records(IdentityWithKey, _WITH_KEY.where(wanted).order_by(identity.c.identity_id))
    brought = {record.identity_id for record in known}
    customers: dict[str, list[IdentityWithKey]] = {}
    for record in known:
        shown = record.owner_id if record.owner_id in brought else record.identity_id
        customers.setdefault(shown, []).append(record)
    return {customer_id: customers[customer_id] for customer_id in customer_ids if customer_id in customers}


async def shown_to(read: Read, owner_of: Mapping[str, str], issuer: str) -> dict[str, str]:
    """Return the id under which an issuer meets the customer of each identity that it brought, from their owners."""
    owner_ids = sorted(set(owner_of.values()))
    rows = await read.all(
        select(identity.c.identity_id).where(
            any_of(identity.c.identity_id, owner_ids), identity.c.issuer == issuer
        )
    )
    brought = {owner_id for (owner_id,) in rows}
    return {
        identity_id: owner_id if owner_id in brought else identity_id
        for identity_id, owner_id in owner_of.items()
    }


async def owners(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the owner that each of these identities has now."""
    wanted = sorted(set(identity_ids))
    rows = await read.all(
        select(identity.c.identity_id, identity.c.owner_id).where(any_of(identity.c.identity_id, wanted))
    )
    return {row.identity_id: row.owner_id for row in rows}


async def owner_of(read: Read, identity_id: str, issuer: str | None) -> str | None:
    """Return the owner of an identity, as `issuer` meets it, if given.

    None if the identity is unknown, erased, or was not brought by `issuer`.
    """
    statement = select(identity.c.owner_id).where(
        identity.c.identity_id == identity_id, identity.c.state != "erased"
    )
    if issuer is None:
        return await read.scalar(statement)
    owner_id = await read.scalar(statement.where(identity.c.issuer == issuer))
    return None if owner_id is None else (await shown_to(read, {identity_id: owner_id}, issuer))[identity_id]


async def page(read: Read, selection: CustomerSelection, asked: Slice) -> list[PlacedIdentity]:
    """Return a page of customers.

    They are owners or, with an issuer, the identities under which it meets its customers.
    """
    statement = select(*columns_of(identity, PlacedIdentity)).where(identity.c.state != "erased")
    owns_itself = identity.c.owner_id == identity.c.identity_id
    if selection.issuer is None:
        statement = statement.where(owns_itself)
    else:
        owner = identity.alias("owner")
        brought = (
            select(owner.c.identity_id)
            .where(owner.c.identity_id == identity.c.owner_id, owner.c.issuer == selection.issuer)
            .exists()
        )
        issuer = equals_with_index(identity.c.issuer, selection.issuer, common=SHOP)
        statement = statement.where(issuer, or_(owns_itself, ~brought))
    if selection.origin is not None:
        statement = statement.where(identity.c.origin == selection.origin)
    if selection.created_from is not None:
        statement = statement.where(identity.c.created_at >= selection.created_from)
    if selection.created_until is not None:
        statement = statement.where(identity.c.created_at < selection.created_until)
    if selection.updated_since is not None:
        statement = statement.where(identity.c.updated_at >= selection.updated_since)
    return await read.read_records(PlacedIdentity, SORTS.page(statement, asked))


async def untold(read: Read, limit: int) -> list[str]:
    """Return the ids of at most `limit` identities whose references no event has told, sorted."""
    return [identity_id for (identity_id,) in await read.all(_UNTOLD, {"most": limit})]


async def raise_versions(tx: Tx, identity_ids: Iterable[str]) -> list[VersionedIdentity]:
    """Raise the version of what is told of these identities by one, and return them. They are locked, sorted."""
    locked = await tx.read_records(
        VersionedIdentity,
        select(*columns_of(identity, VersionedIdentity))
        .where(any_of(identity.c.identity_id, sorted(identity_ids)))
        .order_by(identity.c.identity_id)
        .with_for_update(),
    )
    raised = [replace(record, record_version=record.record_version + 1) for record in locked]
    await tx.update_records(identity, raised, key=("identity_id",), columns=("record_version",))
    return raised


async def lock(tx: Tx, identity_ids: Iterable[str]) -> None:
    """Lock identities by id: of two transactions that judge what one of them has, the second then sees the first."""
    await tx.all(
        select(identity.c.identity_id)
        .where(any_of(identity.c.identity_id, sorted(set(identity_ids))))
        .order_by(identity.c.identity_id)
        .with_for_update(key_share=True)
    )


async def touch(tx: Tx, identity_ids: Iterable[str]) -> None:
    """Note that something about these identities has changed. The caller has locked them, and names their owners too."""
    changed = any_of(identity.c.identity_id, sorted(set(identity_ids)))
    await tx.execute(update(identity).where(changed).values(updated_at=tx.now))


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


_UNTOLD = (
    select(identity.c.identity_id)
    .where(identity.c.record_version == literal_column("0"))
    .order_by(identity.c.identity_id)
    .limit(bindparam("most"))
)
"""The version is spelled out in the statement, so that every plan knows that the partial index serves it."""

_WITH_KEY = select(
    identity.c.identity_id,
    identity.c.owner_id,
    identity.c.state,
    identity.c.origin,
    identity.c.issuer,
    identity.c.created_at,
    identity.c.updated_at,
    subject_key.c.master_key,
    subject_key.c.wrapped,
).outerjoin(subject_key, subject_key.c.identity_id == identity.c.identity_id)
_OF_IDS = _WITH_KEY.where(any_named(identity.c.identity_id, "wanted"))
"""The statement is built once, because building it costs more than running it."""

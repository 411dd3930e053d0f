"""Remedies: granted, waited for, ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from services.feedback.storage.tables import complaint, remedy
from shared import identity
from shared.db import Read, Tx, any_of
from shared.identity import Owner

AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Locked:
    """A remedy that this transaction has locked, and whose it is."""

    row: AnyRow
    owner: Owner


async def add(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store a remedy."""
    await tx.insert_many(remedy, [row])


async def of(read: Read, complaint_id: str) -> Sequence[AnyRow]:
    """The remedies of a complaint, in the order they were granted."""
    return await read.all(select(remedy).where(remedy.c.complaint_id == complaint_id).order_by(remedy.c.id))


async def find(read: Read, complaint_id: str, remedy_id: str) -> AnyRow | None:
    """One remedy of a complaint; None if it has no such one."""
    return await read.first(
        select(remedy).where(remedy.c.id == remedy_id, remedy.c.complaint_id == complaint_id)
    )


async def lock(tx: Tx, remedy_ids: Sequence[str]) -> dict[str, Locked]:
    """Lock the customers' identities, then these remedies, both sorted, and read them; unknown ones are left out."""
    wanted = sorted(set(remedy_ids))
    named = await tx.all(
        select(remedy.c.id, complaint.c.identity_id)
        .join(complaint, complaint.c.id == remedy.c.complaint_id)
        .where(any_of(remedy.c.id, wanted))
    )
    identities = {row.id: row.identity_id for row in named}
    owners = await identity.lock(tx, identities.values())
    rows = await tx.all(
        select(remedy).where(any_of(remedy.c.id, wanted)).order_by(remedy.c.id).with_for_update()
    )
    return {row.id: Locked(row, owners[identities[row.id]]) for row in rows}


async def settle(tx: Tx, paid: Mapping[str, str]) -> None:
    """Mark these as settled now, each by its ledger transaction."""
    await tx.update_many(
        remedy,
        [
            {"id": remedy_id, "status": "settled", "settled_at": tx.now, "loyalty_txn": transaction_id}
            for remedy_id, transaction_id in sorted(paid.items())
        ],
        key=["id"],
    )


async def refuse(tx: Tx, refused: Mapping[str, str]) -> None:
    """Mark these as refused now, each with the code that says why."""
    await tx.update_many(
        remedy,
        [
            {"id": remedy_id, "status": "refused", "settled_at": tx.now, "refusal_code": code}
            for remedy_id, code in sorted(refused.items())
        ],
        key=["id"],
    )


async def extend(tx: Tx, remedy_id: str, deadline_at: datetime) -> None:
    """Wait for the answer until then; an overdue remedy stays overdue until it comes."""
    await tx.execute(update(remedy).where(remedy.c.id == remedy_id).values(deadline_at=deadline_at))


async def mark_overdue(tx: Tx, limit: int) -> int:
    """Mark granted remedies whose deadline has passed, a page of them; returns how many."""
    page = (
        select(remedy.c.id)
        .where(remedy.c.status == "granted", remedy.c.deadline_at <= tx.now)
        .order_by(remedy.c.id)
        .limit(limit)
        .with_for_update()
    )
    ids = [row.id for row in await tx.all(page)]
    if ids:
        await tx.execute(update(remedy).where(any_of(remedy.c.id, ids)).values(status="overdue"))
    return len(ids)

"""The member's ledger as people read it: facts, newest first, with their postings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, literal, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from services.loyalty.domain.postings import Account, CauseKind
from services.loyalty.storage.tables import (
    adjustment,
    ownership,
    posting,
    purchase,
    purchase_return,
    redemption,
    remedy,
)
from shared.db import Read, any_of, any_of_rows


@dataclass(frozen=True, slots=True)
class Side:
    """One posting."""

    from_account: Account
    to_account: Account
    lot_id: int
    to_lot_id: int | None
    points: int


@dataclass(slots=True)
class Entry:
    """One fact in the ledger. `fact` is its row; None for what time brought (activation, expiry)."""

    id: int
    kind: CauseKind
    cause_id: int
    occurred_at: datetime | None = None
    booked_at: datetime | None = None
    fact: Any = None
    postings: list[Side] = field(default_factory=list)


_FACTS = {
    CauseKind.PURCHASE: purchase,
    CauseKind.RETURN: purchase_return,
    CauseKind.REDEMPTION: redemption,
    CauseKind.ADJUSTMENT: adjustment,
    CauseKind.REMEDY: remedy,
    CauseKind.OWNERSHIP: ownership,
}


async def page(read: Read, wallet_ids: Sequence[int], *, before: int | None, limit: int) -> list[Entry]:
    """The next `limit` entries with an id below `before`, newest first."""
    listed = union_all(*_ids(wallet_ids)).subquery()
    statement = select(listed.c.kind, listed.c.cause_id, listed.c.entry_id).order_by(listed.c.entry_id.desc())
    if before is not None:
        statement = statement.where(listed.c.entry_id < before)
    entries = [Entry(row[2], CauseKind(row[0]), row[1]) for row in await read.all(statement.limit(limit))]
    await _add_facts(read, entries)
    await _add_postings(read, entries, wallet_ids)
    return entries


def _ids(wallet_ids: Sequence[int]) -> list[Any]:
    """Facts with postings on these wallets under their first posting's id, and facts that moved nothing."""
    mine = or_(any_of(posting.c.wallet_id, wallet_ids), any_of(posting.c.to_wallet_id, wallet_ids))
    moved = (
        select(
            posting.c.cause_kind.label("kind"),
            posting.c.cause_id.label("cause_id"),
            func.min(posting.c.id).label("entry_id"),
        )
        .where(mine)
        .group_by(posting.c.cause_kind, posting.c.cause_id)
    )
    still = [moved]
    for kind, fact in (
        (CauseKind.PURCHASE, purchase),
        (CauseKind.RETURN, purchase_return),
        (CauseKind.REMEDY, remedy),
    ):
        silent = and_(any_of(fact.c.wallet_id, wallet_ids), ~_has_postings(kind, fact.c.id))
        still.append(select(literal(int(kind)).label("kind"), fact.c.id, fact.c.id).where(silent))
    return still


def _has_postings(kind: CauseKind, fact_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(
        posting.c.cause_kind == int(kind), posting.c.cause_id == fact_id, posting.c.ordinal == 1
    )


async def _add_facts(read: Read, entries: Sequence[Entry]) -> None:
    for kind, table in _FACTS.items():
        wanted = {entry.cause_id: entry for entry in entries if entry.kind is kind}
        if not wanted:
            continue
        for row in await read.all(_fact_rows(kind).where(any_of(table.c.id, sorted(wanted)))):
            entry = wanted[row.id]
            entry.fact, entry.occurred_at, entry.booked_at = row, row.occurred_at, row.booked_at


def _fact_rows(kind: CauseKind) -> Any:
    """A fact; a return with the purchase it is of."""
    if kind is not CauseKind.RETURN:
        return select(_FACTS[kind])
    of = purchase.c
    named = (of.purchase_id.label("of"), of.source, of.order_id)
    return select(purchase_return, *named).join(purchase, of.id == purchase_return.c.purchase_id)


async def _add_postings(read: Read, entries: Sequence[Entry], wallet_ids: Sequence[int]) -> None:
    if not entries:
        return
    of = {(int(entry.kind), entry.cause_id): entry for entry in entries}
    c = posting.c
    statement = (
        select(posting)
        .where(any_of_rows([c.cause_kind, c.cause_id], sorted(of)))
        .where(or_(any_of(c.wallet_id, wallet_ids), any_of(c.to_wallet_id, wallet_ids)))
        .order_by(c.id)
    )
    for row in await read.all(statement):
        entry = of[row.cause_kind, row.cause_id]
        entry.occurred_at, entry.booked_at = (
            entry.occurred_at or row.occurred_at,
            entry.booked_at or row.booked_at,
        )
        entry.postings.append(
            Side(Account(row.from_account), Account(row.to_account), row.lot_id, row.to_lot_id, row.points)
        )

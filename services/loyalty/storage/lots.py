"""Lots: read what a decision needs of them, and store what it left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from services.loyalty.domain.postings import Account
from services.loyalty.domain.wallets import Cover, Lot, Member
from services.loyalty.storage.tables import LOT_OPEN, lot, posting
from services.loyalty.storage.wallets import Locked, OwnerChanged
from shared.db import Read, Tx, any_of

PAGE = 256
PAGES_MAX = 100_000

_FACTS = ("rule", "rulebook", "issued", "base", "earned_at", "purchase_id", "origin_lot_id", "eligible")
_TIMES = ("available_at", "expires_at")
_STATE = ("pending", "remaining", "held", "expired", "reversed", "owed", "covered")
_FIELDS = (*_FACTS, *_TIMES, *_STATE)
_COLUMNS = [lot.c[name] for name in ("id", "wallet_id", *_FIELDS)]


async def load_open(read: Read, locked: Locked, members: Iterable[Member]) -> None:
    """Load all lots of these members that still have anything to them, with those who paid their debts."""
    partial = [member for member in members if not member.lots_complete]
    wallet_ids = sorted(wallet.id for member in partial for wallet in member.wallets)
    if wallet_ids:
        loaded = await _load(read, locked, any_of(lot.c.wallet_id, wallet_ids), LOT_OPEN)
        await load_payers(read, locked, loaded)
    for member in partial:
        member.lots_complete = True


async def load_spendable(read: Read, locked: Locked, member: Member, points: int) -> None:
    """Load the first lots in consumption order that hold `points`, in pages: a wallet may have ten thousand."""
    wallet_ids = [wallet.id for wallet in member.wallets]
    for page in range(PAGES_MAX):
        statement = _select().where(any_of(lot.c.wallet_id, wallet_ids), LOT_OPEN, lot.c.remaining > 0)
        order = (lot.c.expires_at.asc().nulls_last(), lot.c.earned_at, lot.c.id)
        found = _taken(locked, await read.all(statement.order_by(*order).limit(PAGE).offset(page * PAGE)))
        points -= sum(each.remaining for each in found)
        if points <= 0 or len(found) < PAGE:
            return
    raise AssertionError("a wallet has fewer lots than that")


async def load_of_purchases(read: Read, locked: Locked, purchase_ids: Sequence[int]) -> dict[int, list[Lot]]:
    """The lots that these purchases (row ids) earned, by purchase."""
    found: dict[int, list[Lot]] = {}
    for each in await _load(read, locked, any_of(lot.c.purchase_id, purchase_ids)):
        if each.purchase_id is not None:
            found.setdefault(each.purchase_id, []).append(each)
    return found


async def load_by_id(read: Read, locked: Locked, lot_ids: Sequence[int]) -> dict[int, Lot]:
    """These lots, wherever they are; their wallets must be locked."""
    if not lot_ids:
        return {}
    return {each.id: each for each in await _load(read, locked, any_of(lot.c.id, sorted(set(lot_ids))))}


async def load_payers(read: Read, locked: Locked, debtors: Iterable[Lot]) -> None:
    """Find out who paid the debts of these lots and was not paid back, and of those in turn."""
    wanted = {each.id: each for each in debtors if each.covered and not each.payers}
    while wanted:
        crossing = (
            select(posting.c.from_account, posting.c.lot_id, posting.c.to_lot_id, posting.c.points)
            .where(posting.c.to_lot_id.is_not(None))
            .where(or_(posting.c.from_account == Account.DEFICIT, posting.c.to_account == Account.DEFICIT))
            .where(or_(any_of(posting.c.lot_id, list(wanted)), any_of(posting.c.to_lot_id, list(wanted))))
            .order_by(posting.c.id)
        )
        payments: dict[int, list[tuple[int, int]]] = {}
        for row in await read.all(crossing):
            _replay(payments, row)
        outstanding = {debtor_id: payments.get(debtor_id, []) for debtor_id in wanted}
        payer_ids = [payer_id for many in outstanding.values() for payer_id, _ in many]
        payers = await load_by_id(read, locked, payer_ids)
        for debtor_id, many in outstanding.items():
            wanted[debtor_id].payers = [Cover(payers[payer_id], points) for payer_id, points in many]
        wanted = {each.id: each for each in payers.values() if each.covered and not each.payers}


async def store(tx: Tx, new: Iterable[Lot], changed: Iterable[Lot]) -> None:
    """Insert the new lots and store the projections of the changed ones."""
    await tx.insert_many(lot, [_row(each) for each in new])
    names = ("id", *_STATE)
    rows = [{name: getattr(each, name) for name in names} for each in changed]
    await tx.update_many(lot, sorted(rows, key=lambda row: row["id"]), key=["id"])


def _replay(payments: dict[int, list[tuple[int, int]]], row: Any) -> None:
    """Follow who paid whose debt: into a deficit is one payment more, out of it the payer's latest one is undone."""
    if row.from_account != Account.DEFICIT:
        payments.setdefault(row.to_lot_id, []).append((row.lot_id, row.points))
        return
    mine, back = payments.get(row.lot_id, []), row.points
    for at in range(len(mine) - 1, -1, -1):
        payer_id, points = mine[at]
        if payer_id == row.to_lot_id and back:
            undone = min(back, points)
            mine[at], back = (payer_id, points - undone), back - undone
    payments[row.lot_id] = [each for each in mine if each[1]]


async def _load(read: Read, locked: Locked, *conditions: ColumnElement[bool] | Any) -> list[Lot]:
    """Lots as one object each in a transaction, also when they are read twice."""
    return _taken(locked, await read.all(_select().where(*conditions).order_by(lot.c.id)))


def _taken(locked: Locked, rows: Sequence[Any]) -> list[Lot]:
    found = []
    for row in rows:
        wallet = locked.by_id.get(row[1])
        if wallet is None:
            raise OwnerChanged("a lot that is needed came into being while the locks were taken")
        member = locked.members[wallet.owner_id]
        if row[0] not in member.lots:
            fields: dict[str, Any] = dict(zip(_FIELDS, row[2:], strict=True))
            fields["eligible"] = None if fields["eligible"] is None else tuple(fields["eligible"])
            member.lots[row[0]] = Lot(row[0], wallet, **fields)
        found.append(member.lots[row[0]])
    return found


def _select() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS)


def _row(each: Lot) -> dict[str, Any]:
    names = ("id", *_FIELDS)
    fields: dict[str, Any] = {name: getattr(each, name) for name in names}
    fields["eligible"] = None if each.eligible is None else list(each.eligible)
    return fields | {"wallet_id": each.wallet.id, "identity_id": each.wallet.identity_id}


async def page(
    read: Read, locked: Locked, wallet_ids: Sequence[int], *, after: int, limit: int, only_open: bool
) -> list[Lot]:
    """The next `limit` lots with an id above `after`; `only_open`: those with anything left to them."""
    statement = _select().where(any_of(lot.c.wallet_id, wallet_ids), lot.c.id > after).order_by(lot.c.id)
    if only_open:
        statement = statement.where(LOT_OPEN)
    return _taken(locked, await read.all(statement.limit(limit)))

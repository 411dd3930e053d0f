"""The statements on lots, and the loading of lots into the members that a transaction holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, TextClause, bindparam, func, or_, select, text

from services.loyalty.ledger.domain.locked import Locked, OwnerChanged
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.wallets import Cover, Lot, Member
from services.loyalty.ledger.storage.tables import LOT_EXPIRES, LOT_OPEN, LotRecord, lot, posting, wallet
from shared.db import Read, Tx, any_named, any_of, columns_of

PAGE = 256
PAGES_MAX = 100_000

Wanted = Callable[[ColumnElement[int], ColumnElement[datetime | None]], ColumnElement[bool]]
"""Makes a condition of the columns with a lot's wallet and its expiry."""
_EXPIRY = ("expires_at", "term_id")
_STATE = ("pending", "remaining", "held", "expired", "reversed", "owed", "covered")
_SELECT = select(*columns_of(lot, LotRecord))
_SPENDABLE = (  # Built once, because building it costs more than running it.
    _SELECT.where(any_named(lot.c.wallet_id, "wallet_ids"), LOT_OPEN, lot.c.remaining > 0)
    .order_by(lot.c.expires_at.asc().nulls_last(), lot.c.earned_at, lot.c.id)
    .limit(PAGE)
    .offset(bindparam("skipped", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A posting between two lots: a lot paid another lot's deficit, or got its payment back."""

    from_account: int
    lot_id: int
    to_lot_id: int
    points: int


class PaidBy(NamedTuple):
    """Points of a debt that a lot paid and did not get back."""

    payer_id: int
    points: int


Payments = dict[int, list[PaidBy]]
"""For each debtor the payments of its debt, in order."""


async def load_open(read: Read, locked: Locked, members: Iterable[Member]) -> None:
    """Load all lots of these members that are not used up, with the lots that paid their debts."""
    partial = [member for member in members if not member.lots_complete]
    wallet_ids = sorted(wallet.id for member in partial for wallet in member.wallets)
    if wallet_ids:
        loaded = await _load(read, locked, any_of(lot.c.wallet_id, wallet_ids), LOT_OPEN)
        await load_payers(read, locked, loaded)
    for member in partial:
        member.lots_complete = True


async def load_expired(
    read: Read, locked: Locked, wallet_ids: Sequence[int], since: datetime, until: datetime
) -> list[Lot]:
    """Load the lots that slide and expired after `since` and up to `until`, with the lots that paid their debts."""
    c, slid = lot.c, text("slides and expired > 0")
    loaded = await _load(
        read, locked, any_of(c.wallet_id, wallet_ids), slid, c.expires_at > since, c.expires_at <= until
    )
    await load_payers(read, locked, loaded)
    return loaded


async def load_spendable(read: Read, locked: Locked, member: Member, points: int) -> None:
    """Load the first lots in consumption order that hold `points`, unless all lots are loaded already.

    The lots are read in pages, because a wallet may have ten thousand.
    """
    if member.lots_complete:
        return
    wallet_ids = [wallet.id for wallet in member.wallets]
    for page in range(PAGES_MAX):
        asked = {"wallet_ids": wallet_ids, "skipped": page * PAGE}
        lots = _held(locked, await read.read_records(LotRecord, _SPENDABLE, asked))
        points -= sum(lot.remaining for lot in lots)
        if points <= 0 or len(lots) < PAGE:
            return
    raise AssertionError("a wallet has fewer lots than that")


async def load_of_purchases(read: Read, locked: Locked, purchase_ids: Sequence[int]) -> dict[int, list[Lot]]:
    """Load the lots that these purchases (row ids) earned, and return them by purchase."""
    by_purchase: dict[int, list[Lot]] = {}
    for loaded in await _load(read, locked, any_of(lot.c.purchase_id, purchase_ids)):
        if loaded.purchase_id is not None:
            by_purchase.setdefault(loaded.purchase_id, []).append(loaded)
    return by_purchase


async def load_of_activity(read: Read, locked: Locked, activity_id: int) -> list[Lot]:
    """Load the lots that an activity (row id) earned, and return them."""
    return await _load(read, locked, lot.c.activity_id == activity_id)


async def load_latest_of_cap(
    read: Read,
    locked: Locked,
    wallet_ids: Sequence[int],
    cap: str,
    cap_from: date,
    points: int,
    besides: Collection[int],
) -> list[Lot]:
    """Load the latest lots that count for a cap in a period, until they hold `points` without the lots `besides`.

    The lots are read in pages, because a cap of a lifetime may have let thousands through.
    """
    c, latest = lot.c, list[Lot]()
    in_period = _SELECT.where(any_of(c.wallet_id, wallet_ids), c.cap == cap, c.cap_from == cap_from)
    in_order = in_period.where(c.issued > c.reversed).order_by(c.earned_at.desc(), c.id.desc())
    for page in range(PAGES_MAX):
        if points <= 0:
            return latest
        lots = _held(locked, await _read(read, in_order.limit(PAGE).offset(page * PAGE)))
        others = [loaded for loaded in lots if loaded.id not in besides]
        latest += others
        points -= sum(loaded.issued - loaded.reversed for loaded in others)
        if len(lots) < PAGE:
            return latest
    raise AssertionError("a wallet has fewer lots than that")


async def load_of_cap(
    read: Read, locked: Locked, wallet_ids: Sequence[int], cap: str, cap_from: date
) -> list[Lot]:
    """Load all lots that count for a cap in a period, also those that the cap cut to nothing."""
    c = lot.c
    return await _load(read, locked, any_of(c.wallet_id, wallet_ids), c.cap == cap, c.cap_from == cap_from)


async def versions_of_caps(read: Read, wallet_ids: Sequence[int]) -> list[int]:
    """Return the versions of the rules by which these wallets have lots that count for a cap."""
    c = lot.c
    statement = select(c.rulebook).distinct().where(any_of(c.wallet_id, wallet_ids), c.cap.is_not(None))
    return sorted(version for (version,) in await read.all(statement))


async def load_by_id(read: Read, locked: Locked, lot_ids: Iterable[int]) -> dict[int, Lot]:
    """Load these lots of any member; their wallets must be locked."""
    wanted = sorted(set(lot_ids))
    if not wanted:
        return {}
    return {loaded.id: loaded for loaded in await _load(read, locked, any_of(lot.c.id, wanted))}


async def load_payers(read: Read, locked: Locked, debtors: Iterable[Lot]) -> None:
    """Load the lots that paid the debts of these lots and were not paid back, and those that paid for them in turn."""
    wanted = {debtor.id: debtor for debtor in debtors if debtor.covered and not debtor.payers}
    while wanted:
        payments: Payments = {}
        for crossing in await _crossings(read, list(wanted)):
            _replay(payments, crossing)
        outstanding = {debtor_id: payments.get(debtor_id, []) for debtor_id in wanted}
        payer_ids = [payment.payer_id for of_debtor in outstanding.values() for payment in of_debtor]
        payers = await load_by_id(read, locked, payer_ids)
        for debtor_id, of_debtor in outstanding.items():
            wanted[debtor_id].payers = [
                Cover(payers[payment.payer_id], payment.points) for payment in of_debtor
            ]
        wanted = {payer.id: payer for payer in payers.values() if payer.covered and not payer.payers}


async def store(tx: Tx, new: Iterable[Lot], changed: Iterable[Lot], *, expiry: bool = False) -> None:
    """Insert the new lots, and store the projections of the changed ones. `expiry`: some expire later now."""
    await tx.insert_records(lot, [_record_of(fresh) for fresh in new])
    columns = (*_STATE, *_EXPIRY) if expiry else _STATE
    await tx.update_records(lot, sorted(changed, key=attrgetter("id")), columns=columns)


async def page(
    read: Read, locked: Locked, wallet_ids: Sequence[int], *, after: int, limit: int, only_open: bool
) -> list[Lot]:
    """Load the next `limit` lots with an id above `after`; `only_open`: those that are not used up."""
    granted = lot.c.issued > 0  # a cap may have cut a grant to nothing
    statement = _SELECT.where(any_of(lot.c.wallet_id, wallet_ids), granted, lot.c.id > after).order_by(
        lot.c.id
    )
    if only_open:
        statement = statement.where(LOT_OPEN)
    return _held(locked, await _read(read, statement.limit(limit)))


async def ids_of_purchases(read: Read, purchase_ids: Sequence[int]) -> list[int]:
    """Return the ids of the lots that these purchases (row ids) earned."""
    rows = await read.all(select(lot.c.id).where(any_of(lot.c.purchase_id, purchase_ids)))
    return [lot_id for (lot_id,) in rows]


async def of_purchases(read: Read, purchase_ids: Sequence[int]) -> list[LotRecord]:
    """Return the lots that these purchases (row ids) earned."""
    return await _read(read, _SELECT.where(any_of(lot.c.purchase_id, purchase_ids)))


async def of_activities(read: Read, activity_ids: Sequence[int]) -> list[LotRecord]:
    """Return the lots that these activities (row ids) earned."""
    return await _read(read, _SELECT.where(any_of(lot.c.activity_id, activity_ids)))


async def by_ids(read: Read, lot_ids: Sequence[int]) -> list[LotRecord]:
    """Return the lots with these ids."""
    return await _read(read, _SELECT.where(any_of(lot.c.id, lot_ids)))


async def expiring_wallet(
    read: Read, after: datetime, until: datetime, wanted: Wanted, limit: int
) -> list[str]:
    """Return identities, not erased, with points that can be spent and expire after `after` and up to `until`, where `wanted` holds."""
    c = lot.c
    statement = (
        select(c.identity_id)
        .join(wallet, wallet.c.id == c.wallet_id)
        .where(LOT_EXPIRES, c.expires_at > after, c.expires_at <= until, wallet.c.erased_at.is_(None))
        .where(wanted(c.wallet_id, c.expires_at))
        .group_by(c.identity_id)
        .order_by(func.min(c.expires_at), c.identity_id)
    )
    return [identity_id for (identity_id,) in await read.all(statement.limit(limit))]


async def left_of_budgets(read: Read) -> dict[tuple[str, date], int]:
    """Return the points of lots that no return took, by budget and the first day of its period."""
    c = lot.c
    summed = select(c.budget, c.budget_from, func.sum(c.issued - c.reversed))
    rows = await read.all(summed.where(c.budget.is_not(None)).group_by(c.budget, c.budget_from))
    return {
        (budget, begin): int(points)
        for budget, begin, points in rows
        if budget is not None and begin is not None
    }


async def of_wallets(
    read: Read, wallet_ids: Sequence[int], *, and_lots: Sequence[int] = ()
) -> list[LotRecord]:
    """Return all lots of these wallets, and the lots with the ids `and_lots`."""
    return await _read(
        read, _SELECT.where(or_(any_of(lot.c.wallet_id, wallet_ids), any_of(lot.c.id, and_lots)))
    )


async def _crossings(read: Read, debtor_ids: Sequence[int]) -> list[Crossing]:
    """Return the payments into these lots' deficits and back out of them, in order."""
    statement = (
        select(*columns_of(posting, Crossing))
        .where(posting.c.to_lot_id.is_not(None))
        .where(or_(posting.c.from_account == Account.DEFICIT, posting.c.to_account == Account.DEFICIT))
        .where(or_(any_of(posting.c.lot_id, debtor_ids), any_of(posting.c.to_lot_id, debtor_ids)))
        .order_by(posting.c.id)
    )
    return await read.read_records(Crossing, statement)


def _replay(payments: Payments, crossing: Crossing) -> None:
    """Apply a crossing: into a deficit it is one payment more, out of a deficit it undoes the payer's latest one."""
    if crossing.from_account != Account.DEFICIT:
        payments.setdefault(crossing.to_lot_id, []).append(PaidBy(crossing.lot_id, crossing.points))
        return
    paid, back = payments.get(crossing.lot_id, []), crossing.points
    for at in range(len(paid) - 1, -1, -1):
        payer_id, points = paid[at]
        if payer_id == crossing.to_lot_id and back:
            undone = min(back, points)
            paid[at], back = PaidBy(payer_id, points - undone), back - undone
    payments[crossing.lot_id] = [payment for payment in paid if payment.points]


async def _load(read: Read, locked: Locked, *conditions: ColumnElement[bool] | TextClause) -> list[Lot]:
    return _held(locked, await _read(read, _SELECT.where(*conditions).order_by(lot.c.id)))


async def _read(read: Read, statement: Select[*tuple[object, ...]]) -> list[LotRecord]:
    return await read.read_records(LotRecord, statement)


def _held(locked: Locked, records: Sequence[LotRecord]) -> list[Lot]:
    """Return the lots as their members hold them: one object per lot in a transaction, also when it is read twice."""
    held = []
    for record in records:
        wallet = locked.by_id.get(record.wallet_id)
        if wallet is None:
            raise OwnerChanged("a lot that is needed came into being while the locks were taken")
        lots = locked.members[wallet.owner_id].lots
        if record.id not in lots:
            lots[record.id] = Lot(
                id=record.id,
                wallet=wallet,
                rule=record.rule,
                rulebook=record.rulebook,
                issued=record.issued,
                base=record.base,
                earned_at=record.earned_at,
                purchase_id=record.purchase_id,
                origin_lot_id=record.origin_lot_id,
                eligible=record.eligible,
                available_at=record.available_at,
                expires_at=record.expires_at,
                pending=record.pending,
                remaining=record.remaining,
                held=record.held,
                expired=record.expired,
                reversed=record.reversed,
                owed=record.owed,
                covered=record.covered,
                wanted=record.wanted,
                cap=record.cap,
                cap_from=record.cap_from,
                budget=record.budget,
                budget_from=record.budget_from,
                activity_id=record.activity_id,
                slides=record.slides,
                term_id=record.term_id,
            )
        held.append(lots[record.id])
    return held


def _record_of(fresh: Lot) -> LotRecord:
    return LotRecord(
        id=fresh.id,
        wallet_id=fresh.wallet.id,
        identity_id=fresh.wallet.identity_id,
        purchase_id=fresh.purchase_id,
        origin_lot_id=fresh.origin_lot_id,
        rule=fresh.rule,
        rulebook=fresh.rulebook,
        issued=fresh.issued,
        base=fresh.base,
        eligible=fresh.eligible,
        earned_at=fresh.earned_at,
        available_at=fresh.available_at,
        expires_at=fresh.expires_at,
        pending=fresh.pending,
        remaining=fresh.remaining,
        held=fresh.held,
        expired=fresh.expired,
        reversed=fresh.reversed,
        owed=fresh.owed,
        covered=fresh.covered,
        wanted=fresh.wanted,
        cap=fresh.cap,
        cap_from=fresh.cap_from,
        budget=fresh.budget,
        budget_from=fresh.budget_from,
        activity_id=fresh.activity_id,
        slides=fresh.slides,
        term_id=fresh.term_id,
    )

"""The sums over all members: what moved in a period, and what members had at an instant.

Lots and postings are only ever added, and a lot's state of today less what moved since is its state of then. So the past costs
what happened since, and the present costs the open lots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)

from services.loyalty.ledger.domain.counting import ASSETS, DUE, GRANTING
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.sums import Flow, Standing, Totals
from services.loyalty.ledger.storage import terms
from services.loyalty.ledger.storage.tables import SPENDABLE, lot, posting, wallet
from shared.db import Read, any_of
from shared.db.sums import whole, wide_sum
from shared.db.types import BigInt

_ZERO: ColumnElement[int] = literal_column("0")
_c = posting.c
_OPEN = lot.c.pending + lot.c.remaining + lot.c.held + lot.c.owed + lot.c.covered > _ZERO
"""The condition of the index of open lots, beside columns of wallets with the same names."""


async def flows(
    read: Read,
    since: datetime | None,
    until: datetime,
    cohorts: Sequence[datetime],
    besides: Collection[int] = (),
    besides_since: Collection[int] = (),
    after_id: int = 0,
) -> list[Flow]:
    """Return what moved into the accounts of members and out of them after `since` (None: ever) and up to `until`.

    Movements that had fallen due by then count, booked or not, but those of the wallets `besides` only if they were booked. The same
    holds for `since` with the wallets `besides_since`: what a period has counted, the next one does not. All postings that were
    booked after `since` have ids above `after_id`.
    """
    booked = _booked_moves(until, besides)
    if since is not None:
        booked = booked.where(_c.id > after_id, _c.booked_at > since, not_(counted_by(since, besides_since)))
    moves = union_all(booked, _unbooked_moves(since, until, besides)).subquery()
    rows = (
        select(
            _number_of_edges(lot.c.earned_at, cohorts).label("cohort"),
            _flag(lot.c.expires_at.is_not(None)).label("expires"),
            *(moves.c.from_account, moves.c.to_account, moves.c.points),
        )
        .join(lot, lot.c.id == moves.c.lot_id)
        .join(wallet, wallet.c.id == lot.c.wallet_id)
        .where(wallet.c.kind == SPENDABLE)
        .subquery()
    )
    names = (rows.c.cohort, rows.c.expires, rows.c.from_account, rows.c.to_account)
    found = await read.all(select(*names, *wide_sum(rows.c.points)).group_by(*names))
    return [
        Flow(cohort, bool(expires), source, target, whole(halves))
        for cohort, expires, source, target, *halves in found
    ]


async def standings(
    read: Read,
    at: datetime,
    cohorts: Sequence[datetime],
    expiries: Sequence[datetime],
    besides: Collection[int] = (),
    after_id: int = 0,
) -> list[Standing]:
    """Return the points that members had at an instant, without those of the wallets `besides`.

    What had fallen due by then counts as booked, if nobody of these members owes or holds points. All postings that were booked
    after `at` have ids above `after_id`.
    """
    rows = _states(at, cohorts, expiries, besides, after_id)
    names = (rows.c.cohort, rows.c.expiry, rows.c.expires, rows.c.erased)
    sums = [half for name in ("pending", "active", "held", "owed") for half in wide_sum(rows.c[name])]
    found = await read.all(select(*names, *sums).group_by(*names))
    return [
        Standing(cohort, expiry, bool(expires), bool(erased), *_wholes(halves))
        for cohort, expiry, expires, erased, *halves in found
    ]


async def intricate_wallets(read: Read, at: datetime) -> list[tuple[int, str]]:
    """Return the id and owner of the wallets of members that owe or hold points while something fell due by `at` and is not booked.

    What is due to them pays debts, or depends on holds, and so no sum says what it does.
    """
    due = select(wallet.c.owner_id).where(wallet.c.next_due_at <= at, wallet.c.kind == SPENDABLE)
    bound = (
        select(wallet.c.owner_id)
        .where(wallet.c.owner_id.in_(due), wallet.c.kind == SPENDABLE)
        .group_by(wallet.c.owner_id)
        .having(func.sum(wallet.c.owed + wallet.c.held) > 0)
    )
    statement = select(wallet.c.id, wallet.c.owner_id).where(
        wallet.c.owner_id.in_(bound), wallet.c.kind == SPENDABLE
    )
    return [(wallet_id, owner_id) for wallet_id, owner_id in await read.all(statement.order_by(wallet.c.id))]


async def erased_wallets(read: Read, wallet_ids: Sequence[int], at: datetime) -> set[int]:
    """Return those of these wallets whose identity was erased by an instant."""
    rows = await read.all(
        select(wallet.c.id).where(any_of(wallet.c.id, wallet_ids), wallet.c.erased_at <= at)
    )
    return {wallet_id for (wallet_id,) in rows}


async def is_due(read: Read, at: datetime) -> bool:
    """Return whether something that fell due by an instant may not be booked yet."""
    return await read.first(select(wallet.c.id).where(wallet.c.next_due_at <= at).limit(1)) is not None


async def first_booked(read: Read) -> datetime | None:
    """Return the earliest booking time of all postings; None if there is none."""
    return await read.scalar(select(func.min(_c.booked_at)))


async def last_id_up_to(read: Read, at: datetime) -> int:
    """Return an id that all postings that were booked after an instant exceed, the greatest one that is known."""
    before = await read.scalar(select(func.max(_c.id)).where(_c.booked_at <= at))
    after = await read.scalar(select(func.min(_c.id)).where(_c.booked_at > at))
    return min(before or 0, (before or 0) if after is None else after - 1)


async def totals(read: Read, wallet_ids: Sequence[int]) -> Totals:
    """Return the points of these wallets by account, by postings and by wallets, in one statement and so of one moment."""
    spendable = select(wallet.c.id).where(any_of(wallet.c.id, wallet_ids), wallet.c.kind == SPENDABLE)
    own = select(*_gains(with_own_target=True)).where(_c.wallet_id.in_(spendable))
    other = select(*_gains(with_own_target=False)).where(
        _c.to_wallet_id.in_(spendable), _c.to_lot_id.is_not(None)
    )
    sides = union_all(own, other).subquery()
    w = wallet.c
    moved = [half.label(f"moved{n}") for n, half in enumerate(_halves(sides.c))]
    stored = [
        half.label(f"stored{n}") for n, half in enumerate(_halves((w.pending, w.active, w.held, w.owed)))
    ]
    by_posting = select(*moved).subquery()
    by_wallet = select(*stored).where(w.id.in_(spendable)).subquery()
    row = await read.one(select(*by_posting.c, *by_wallet.c).select_from(by_posting.join(by_wallet, true())))
    pending, active, held, deficit, *wallets = _wholes(row)
    return Totals((pending, active, held, -deficit), (wallets[0], wallets[1], wallets[2], wallets[3]))


def counted_by(at: datetime, besides: Collection[int] = ()) -> ColumnElement[bool]:
    """Return the condition that a posting counts at an instant: it was booked by then, or had fallen due by then.

    A late purchase books at once what is due of its own lot already. That counts from its booking on, as the lot does. Of the
    wallets `besides` only what was booked counts.
    """
    due = and_(_c.cause_kind.in_(sorted(DUE)), _c.occurred_at <= at, not_(_granted_at_once()))
    if besides:
        due = and_(due, not_(any_of(_c.wallet_id, sorted(besides))))
    return or_(_c.booked_at <= at, due)


def _granted_at_once() -> ColumnElement[bool]:
    """Return the condition that the lot of a posting was granted by the same transaction."""
    grant = posting.alias("grant_")
    g = grant.c
    return exists(
        select(g.id).where(
            *(g.wallet_id == _c.wallet_id, g.lot_id == _c.lot_id, g.booked_at == _c.booked_at),
            g.from_account.in_(sorted(GRANTING)),
        )
    )


def _booked_moves(
    until: datetime, besides: Collection[int]
) -> Select[*tuple[Any, ...]]:  # columns of several types
    """Select the postings that count at an instant, each with the lot whose points moved.

    Movements among the accounts of one member's points are left out.
    """
    holder = case(
        (_c.from_account.in_(sorted(ASSETS)), _c.lot_id), else_=func.coalesce(_c.to_lot_id, _c.lot_id)
    )
    inside = and_(_c.from_account.in_(sorted(ASSETS)), _c.to_account.in_(sorted(ASSETS)))
    return select(holder.label("lot_id"), _c.from_account, _c.to_account, _c.points.label("points")).where(
        not_(inside), counted_by(until, besides)
    )


def _unbooked_moves(
    since: datetime | None, until: datetime, besides: Collection[int]
) -> Select[*tuple[Any, ...]]:  # columns of several types
    """Select the expiries that had fallen due in a period and that nobody has booked yet."""
    points = lot.c.remaining + lot.c.pending
    statement: Select[*tuple[Any, ...]] = (  # columns of several types
        select(
            lot.c.id,
            literal_column(str(int(Account.ACTIVE))),
            literal_column(str(int(Account.EXPIRED))),
            points,
        )
        .join(wallet, wallet.c.id == lot.c.wallet_id)
        .where(wallet.c.next_due_at <= until, _OPEN, lot.c.expires_at <= until, points > 0)
    )
    if since is not None:
        statement = statement.where(lot.c.expires_at > since)
    if besides:
        statement = statement.where(not_(any_of(wallet.c.id, sorted(besides))))
    return statement


def _states(
    at: datetime,
    cohorts: Sequence[datetime],
    expiries: Sequence[datetime],
    besides: Collection[int],
    after_id: int,
) -> Subquery:
    """Select every lot with points at an instant, with its buckets and its points by state.

    These are the lots that are open today, which have an index, and those that moved since and are no longer open.
    """
    moved = _moved_since(at, after_id)
    pending = lot.c.pending - func.coalesce(moved.c.pending, 0)
    active = lot.c.remaining - func.coalesce(moved.c.active, 0)
    is_over, is_available = lot.c.expires_at <= at, lot.c.available_at <= at
    columns = (
        _number_of_edges(lot.c.earned_at, cohorts).label("cohort"),
        _number_of_edges(func.coalesce(terms.expiry_at(at), lot.c.expires_at), expiries).label("expiry"),
        _flag(lot.c.expires_at.is_not(None)).label("expires"),
        _flag(wallet.c.erased_at <= at).label("erased"),
        case((or_(is_over, is_available), _ZERO), else_=pending).label("pending"),
        case((is_over, _ZERO), (is_available, active + pending), else_=active).label("active"),
        (lot.c.held - func.coalesce(moved.c.held, 0)).label("held"),
        (lot.c.owed + func.coalesce(moved.c.deficit, 0)).label("owed"),
    )
    kept: list[ColumnElement[bool]] = [wallet.c.kind == SPENDABLE]
    if besides:
        kept.append(not_(any_of(wallet.c.id, sorted(besides))))
    own = wallet.c.id == lot.c.wallet_id
    still_open = lot.join(wallet, own).outerjoin(moved, moved.c.lot_id == lot.c.id)
    used_up = moved.join(lot, moved.c.lot_id == lot.c.id).join(wallet, own)
    return union_all(
        select(*columns).select_from(still_open).where(_OPEN, *kept),
        select(*columns).select_from(used_up).where(not_(_OPEN), *kept),
    ).subquery()


def _moved_since(at: datetime, after_id: int) -> CTE:
    """Select what each lot's accounts gained by postings that count after an instant only."""
    later = and_(_c.id > after_id, _c.booked_at > at, not_(counted_by(at)))
    own = select(_c.lot_id.label("lot_id"), *_gains(with_own_target=True)).where(later)
    other = select(_c.to_lot_id, *_gains(with_own_target=False)).where(later, _c.to_lot_id.is_not(None))
    sides = union_all(own, other).subquery()
    sums = [
        cast(func.sum(sides.c[name]), BigInt).label(name) for name in ("pending", "active", "held", "deficit")
    ]
    return select(sides.c.lot_id, *sums).group_by(sides.c.lot_id).cte("moved")


def _gains(*, with_own_target: bool) -> list[ColumnElement[int]]:
    """Return what a posting adds to each account: of its own lot, or else of the lot on its other side."""
    gains: list[ColumnElement[int]] = []
    for account in (Account.PENDING, Account.ACTIVE, Account.HELD, Account.DEFICIT):
        gained = _c.to_account == account
        if with_own_target:
            gained = and_(gained, _c.to_lot_id.is_(None))
        into = case((gained, _c.points), else_=_ZERO)
        out = case((_c.from_account == account, _c.points), else_=_ZERO)
        gains.append((into - out if with_own_target else into).label(account.name.lower()))
    return gains


_Instant = ColumnElement[datetime] | ColumnElement[datetime | None]


def _number_of_edges(column: _Instant, edges: Sequence[datetime]) -> ColumnElement[int]:
    """Return how many of these rising edges lie at or before an instant, found by halving; all of them for a null."""
    return _between(column, edges, 0, len(edges))


def _between(column: _Instant, edges: Sequence[datetime], low: int, high: int) -> ColumnElement[int]:
    if low == high:
        return literal_column(str(low))
    middle = (low + high) // 2
    below, above = _between(column, edges, low, middle), _between(column, edges, middle + 1, high)
    return case((column < edges[middle], below), else_=above)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, literal_column("1")), else_=_ZERO)


def _halves(columns: Iterable[ColumnElement[int]]) -> list[ColumnElement[int]]:
    return [half for column in columns for half in wide_sum(column)]


def _wholes(halves: Sequence[int]) -> list[int]:
    return [whole(halves[place : place + 2]) for place in range(0, len(halves), 2)]

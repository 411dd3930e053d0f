"""The statements on postings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, and_, func, or_, select, union

from services.loyalty.ledger.domain.postings import Account, CauseKind, Posting, PostingCause
from services.loyalty.ledger.storage import ids
from services.loyalty.ledger.storage.tables import PostingRecord, posting, wallet
from shared.db import Read, Slice, Tx, any_of, any_of_rows, columns_of, in_order

WALLETS_AT_ONCE = 100
"""The wallets whose postings one statement looks for. Databases limit the parts of a statement."""
POSTINGS_OF_A_CAUSE = 2
"""The postings that most causes have at most on the wallets of a member."""
PAGES_MAX = 100_000
_SELECT = select(*columns_of(posting, PostingRecord))
_other = wallet.alias()
_OWNED = {
    *("id", "cause_kind", "cause_id", "from_account", "to_account", "lot_id", "to_lot_id", "points"),
    *("occurred_at", "booked_at"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """The points that one posting of a cause took out of a lot of a wallet, or brought into it."""

    cause_id: int
    wallet_id: int
    lot_id: int
    points: int


@dataclass(frozen=True, slots=True)
class Between:
    """The points that one posting of a cause moved from a lot to another one."""

    cause_id: int
    lot_id: int
    to_lot_id: int
    points: int


@dataclass(frozen=True, slots=True)
class First:
    """The id of the first posting of a cause on some wallets."""

    cause_kind: int
    cause_id: int
    posting_id: int


@dataclass(frozen=True, slots=True)
class _Move:
    """A posting, and the first one of its cause on some wallets."""

    id: int
    cause_kind: int
    cause_id: int
    first_id: int


@dataclass(frozen=True, slots=True)
class OwnedPosting:
    """A posting with the identity and the owner of its wallet."""

    id: int
    cause_kind: int
    cause_id: int
    from_account: int
    to_account: int
    lot_id: int
    to_lot_id: int | None
    points: int
    occurred_at: datetime
    booked_at: datetime
    identity_id: str
    owner_id: str
    to_owner_id: str | None
    """The owner of the wallet on the other side; None: it has no other side."""


async def any_booked(read: Read) -> bool:
    """Return whether any points were ever moved."""
    return await read.scalar(select(posting.c.id).limit(1)) is not None


async def add(tx: Tx, postings: Sequence[Posting]) -> None:
    """Store postings under rising ids."""
    fresh = await ids.reserve(tx, len(postings))
    await tx.insert_records(posting, [_record_of(fresh.next(), booked) for booked in postings])


async def last_ordinal(read: Read, cause: PostingCause) -> int:
    """Return the number of the last posting of a cause; 0 if it has none."""
    c = posting.c
    of_cause = select(func.max(c.ordinal)).where(c.cause_kind == cause.kind, c.cause_id == cause.id)
    return await read.scalar(of_cause) or 0


async def taken(read: Read, kind: CauseKind, cause_ids: Iterable[int], target: Account) -> list[Taken]:
    """Return the spendable and held points that these causes moved to `target`, in the order of the postings."""
    statement = (
        select(*columns_of(posting, Taken))
        .where(posting.c.cause_kind == kind, any_of(posting.c.cause_id, sorted(cause_ids)))
        .where(posting.c.from_account.in_((Account.ACTIVE, Account.HELD)), posting.c.to_account == target)
        .order_by(posting.c.cause_id, posting.c.ordinal)
    )
    return await read.read_records(Taken, statement)


async def granted(read: Read, kind: CauseKind, cause_ids: Iterable[int], source: Account) -> list[Taken]:
    """Return the points that came out of the account `source` into lots because of these causes."""
    c = posting.c
    statement = (
        select(*columns_of(posting, Taken))
        .where(c.cause_kind == kind, any_of(c.cause_id, sorted(cause_ids)), c.from_account == source)
        .order_by(c.cause_id, c.ordinal)
    )
    return await read.read_records(Taken, statement)


async def between_lots(
    read: Read, kind: CauseKind, cause_ids: Iterable[int], account: Account
) -> list[Between]:
    """Return the points that these causes moved from lot to lot within an account."""
    c = posting.c
    statement = (
        select(*columns_of(posting, Between))
        .where(c.cause_kind == kind, any_of(c.cause_id, sorted(cause_ids)), c.to_lot_id.is_not(None))
        .where(c.from_account == account, c.to_account == account)
        .order_by(c.cause_id, c.ordinal)
    )
    return await read.read_records(Between, statement)


async def of_wallets(
    read: Read, wallet_ids: Sequence[int], *, until: datetime | None = None
) -> list[PostingRecord]:
    """Return the postings on these wallets that were booked up to and including `until` (None: all), in order."""
    statement = _SELECT.where(_on(wallet_ids))
    if until is not None:
        statement = statement.where(posting.c.booked_at <= until)
    return await read.read_records(PostingRecord, statement.order_by(posting.c.id))


async def owned_page(
    read: Read, wallet_ids: Sequence[int] | None, *, until: datetime, after: int, limit: int
) -> list[OwnedPosting]:
    """Return at most `limit` postings behind the id `after` that were booked up to and including `until`, in order.

    `wallet_ids`: only the postings on these wallets; None: those of all.
    """
    names = [column for column in columns_of(posting, PostingRecord) if column.name in _OWNED]
    statement = (
        select(*names, wallet.c.identity_id, wallet.c.owner_id, _other.c.owner_id.label("to_owner_id"))
        .join(wallet, wallet.c.id == posting.c.wallet_id)
        .outerjoin(_other, _other.c.id == posting.c.to_wallet_id)
        .where(posting.c.id > after, posting.c.booked_at <= until)
        .order_by(posting.c.id)
        .limit(limit)
    )
    if wallet_ids is not None:
        statement = statement.where(_on(wallet_ids))
    return await read.read_records(OwnedPosting, statement)


async def of_causes(
    read: Read, causes: Iterable[PostingCause], wallet_ids: Sequence[int]
) -> list[PostingRecord]:
    """Return the postings of these causes on these wallets, in order."""
    statement = _SELECT.where(_caused_by(causes)).order_by(posting.c.id)
    mine = set(wallet_ids)  # as a condition, it could make the database read all postings of the wallets
    records = await read.read_records(PostingRecord, statement)
    return [record for record in records if record.wallet_id in mine or record.to_wallet_id in mine]


async def first_of_causes(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    among: Iterable[PostingCause] | None,
    asked: Slice,
) -> list[First]:
    """Return a page of the causes that moved points on these wallets, in the order of their first postings.

    `among`: only these causes; None: all. Then as many postings are read as the page needs, and not all of the wallets.
    """
    if among is not None:
        c = posting.c
        moved = select(c.cause_kind, c.cause_id, func.min(c.id).label("posting_id")).where(_on(wallet_ids))
        grouped = moved.where(_caused_by(among)).group_by(c.cause_kind, c.cause_id).subquery()
        page = in_order(select(*grouped.c), [grouped.c.posting_id], asked)
        return await read.read_records(First, page)
    firsts: list[First] = []
    rest = replace(asked, limit=POSTINGS_OF_A_CAUSE * asked.limit)
    for _ in range(PAGES_MAX):
        moves = await _moves(read, wallet_ids, rest)
        firsts += [
            First(move.cause_kind, move.cause_id, move.id) for move in moves if move.id == move.first_id
        ]
        if len(firsts) >= asked.limit or len(moves) < rest.limit:
            return firsts[: asked.limit]
        rest = replace(rest, after=[moves[-1].id])
    raise AssertionError("a member has fewer postings than that")


async def _moves(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[_Move]:
    """Return a page of the postings on these wallets. The indexes by wallet give it in its order."""
    c, moves = posting.c, set[_Move]()
    plain = select(c.id, c.cause_kind, c.cause_id)
    for begin in range(0, len(wallet_ids), WALLETS_AT_ONCE):
        pages = [
            in_order(plain.where(side), [c.id], asked).subquery()
            for wallet_id in wallet_ids[begin : begin + WALLETS_AT_ONCE]
            for side in (c.wallet_id == wallet_id, and_(_crosses(), c.to_wallet_id == wallet_id))
        ]
        united = union(*(select(*page.c) for page in pages)).subquery()
        first = _first_of(united, wallet_ids).label("first_id")
        page = in_order(select(*united.c, first), [united.c.id], asked)
        moves.update(await read.read_records(_Move, page))
    return sorted(moves, key=attrgetter("id"), reverse=asked.is_descending)[: asked.limit]


async def cause_ids(read: Read, kind: CauseKind, wallet_ids: Sequence[int]) -> list[int]:
    """Return the ids of the causes of one kind that moved points on these wallets, sorted."""
    statement = select(posting.c.cause_id).distinct().where(posting.c.cause_kind == kind, _on(wallet_ids))
    return [cause_id for (cause_id,) in await read.all(statement.order_by(posting.c.cause_id))]


def _on(wallet_ids: Sequence[int], postings: FromClause = posting) -> ColumnElement[bool]:
    c = postings.c
    return or_(any_of(c.wallet_id, wallet_ids), and_(_crosses(postings), any_of(c.to_wallet_id, wallet_ids)))


def _crosses(postings: FromClause = posting) -> ColumnElement[bool]:
    """Return the condition that a posting has a second lot, and so a second wallet. The indexes by these hold no other postings."""
    return postings.c.to_lot_id.is_not(None)


def _first_of(moves: FromClause, wallet_ids: Sequence[int]) -> ScalarSelect[int]:
    """Return the id of the first posting on these wallets that has the cause of a move."""
    others = posting.alias()
    is_same = and_(others.c.cause_kind == moves.c.cause_kind, others.c.cause_id == moves.c.cause_id)
    first = select(others.c.id).where(is_same, _on(wallet_ids, others)).order_by(others.c.ordinal).limit(1)
    return first.scalar_subquery()


def _caused_by(causes: Iterable[PostingCause]) -> ColumnElement[bool]:
    wanted = sorted((int(cause.kind), cause.id) for cause in causes)
    return any_of_rows([posting.c.cause_kind, posting.c.cause_id], wanted)


def _record_of(row_id: int, booked: Posting) -> PostingRecord:
    return PostingRecord(
        id=row_id,
        cause_kind=int(booked.cause.kind),
        cause_id=booked.cause.id,
        ordinal=booked.ordinal,
        from_account=int(booked.from_account),
        to_account=int(booked.to_account),
        wallet_id=booked.wallet_id,
        lot_id=booked.lot_id,
        to_wallet_id=booked.to_wallet_id,
        to_lot_id=booked.to_lot_id,
        points=booked.points,
        occurred_at=booked.occurred_at,
        booked_at=booked.booked_at,
    )

"""The statements on holds, and the loading of holds into the members that a transaction holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, and_, or_, select

from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.domain.wallets import HeldPoints, Hold, HoldEnd, Lot, Member, Wallet
from services.loyalty.ledger.storage import lots
from services.loyalty.ledger.storage.hold_table import HOLD_END, HoldRecord, hold
from services.loyalty.ledger.storage.postings import Taken, taken
from shared.db import Read, Slice, Sorts, Tx, any_named, any_of, columns_of

SORTS = Sorts(opened_at=(hold.c.opened_at, hold.c.id))
_SELECT = select(*columns_of(hold, HoldRecord))
_OPEN = hold.c.ended_as.is_(None)
_OPEN_OF_WALLETS = _SELECT.where(_OPEN, any_named(hold.c.wallet_id, "wallet_ids"))
_BY_IDS = _SELECT.where(any_named(hold.c.id, "row_ids"))
"""The statements of every hold are built once, because building one costs more than running it."""


@dataclass(frozen=True, slots=True)
class HoldSelection:
    """The holds that are listed. None: whichever."""

    issuer: str | None = None
    wallet_ids: Sequence[int] | None = None
    state: HoldEnd | None = None
    is_open: bool = False
    """Only those that are open."""


async def load_open(read: Read, locked: Locked, members: Iterable[Member]) -> None:
    """Load all open holds of these members with the lots that their points came from, and the payers of these lots."""
    partial = [member for member in members if not member.holds_complete]
    holding = [member for member in partial if member.may_hold()]
    wallet_ids = sorted(wallet.id for member in holding for wallet in member.wallets)
    if wallet_ids:
        records = await read.read_records(HoldRecord, _OPEN_OF_WALLETS, {"wallet_ids": wallet_ids})
        parts = await taken(read, CauseKind.HOLD, [record.id for record in records], Account.HELD)
        loaded = await lots.load_by_id(read, locked, {part.lot_id for part in parts})
        await lots.load_payers(read, locked, loaded.values())
        for of_hold in holds_of(records, parts, locked.by_id, loaded):
            locked.members[of_hold.wallet.owner_id].holds.setdefault(of_hold.id, of_hold)
    for member in partial:
        member.holds_complete = True


async def open_at(
    read: Read, wallets: Mapping[int, Wallet], lot_of: Mapping[int, Lot], as_of: datetime
) -> list[Hold]:
    """Return the holds of these wallets that were open at an instant by what was booked by then.

    `wallets` and `lot_of` are by id. Parts in other lots are left out.
    """
    c = hold.c
    was_open = and_(c.booked_at <= as_of, or_(c.end_booked_at.is_(None), c.end_booked_at > as_of))
    records = await read.read_records(
        HoldRecord, _SELECT.where(any_of(c.wallet_id, sorted(wallets)), was_open)
    )
    parts = (
        await taken(read, CauseKind.HOLD, [record.id for record in records], Account.HELD) if records else []
    )
    known = [part for part in parts if part.lot_id in lot_of]
    return holds_of(records, known, wallets, lot_of)


def holds_of(
    records: Iterable[HoldRecord],
    parts: Iterable[Taken],
    wallets: Mapping[int, Wallet],
    lot_of: Mapping[int, Lot],
) -> list[Hold]:
    """Return holds as the domain knows them, from their rows and the postings that began them."""
    of_hold: dict[int, list[HeldPoints]] = {}
    for part in parts:
        of_hold.setdefault(part.cause_id, []).append(HeldPoints(lot_of[part.lot_id], part.points))
    return [
        Hold(record.id, wallets[record.wallet_id], record.expires_at, tuple(of_hold.get(record.id, ())))
        for record in records
    ]


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[HoldRecord]:
    """Return the holds with these row ids."""
    return await read.read_records(HoldRecord, _BY_IDS, {"row_ids": row_ids})


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[HoldRecord]:
    """Return all holds of these wallets."""
    return await read.read_records(HoldRecord, _SELECT.where(any_of(hold.c.wallet_id, wallet_ids)))


async def identities_with_open(read: Read, identity_ids: Sequence[str]) -> list[str]:
    """Return those of these identities that have an open hold, whether or not it is over by now."""
    mine = any_of(hold.c.identity_id, identity_ids)
    rows = await read.all(select(hold.c.identity_id).distinct().where(_OPEN, mine))
    return [identity_id for (identity_id,) in rows]


async def page(read: Read, selection: HoldSelection, asked: Slice, now: datetime) -> list[HoldRecord]:
    """Return a page of holds, in the state that they are in at `now`."""
    statement = _SELECT.where(*_chosen(selection, now))
    return await read.read_records(HoldRecord, SORTS.page(statement, asked))


def _chosen(selection: HoldSelection, now: datetime) -> list[ColumnElement[bool]]:
    c, chosen = hold.c, list[ColumnElement[bool]]()
    if selection.issuer is not None:
        chosen.append(c.issuer == selection.issuer)
    if selection.wallet_ids is not None:
        chosen.append(any_of(c.wallet_id, selection.wallet_ids))
    if selection.is_open:
        chosen += [_OPEN, c.expires_at > now]
    elif selection.state is HoldEnd.EXPIRED:
        chosen.append(or_(c.ended_as == HoldEnd.EXPIRED, and_(_OPEN, c.expires_at <= now)))
    elif selection.state is not None:
        chosen.append(c.ended_as == selection.state.value)
    return chosen


async def add(tx: Tx, record: HoldRecord) -> None:
    """Store a new hold."""
    await tx.insert_records(hold, [record])


async def store(tx: Tx, changed: Iterable[Hold]) -> None:
    """Store until when these holds last, and how they ended."""
    await tx.update_records(hold, sorted(changed, key=attrgetter("id")), columns=("expires_at", *HOLD_END))

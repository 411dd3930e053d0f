"""Rebuild projections from postings alone: for verification, and for the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from services.loyalty.domain.journal import project
from services.loyalty.domain.postings import Account
from services.loyalty.domain.wallets import Lot, Wallet
from services.loyalty.storage import wallets
from services.loyalty.storage.tables import lot, posting, wallet
from shared.db import Read, any_of

_OUTSIDE = (Account.REDEEMED, Account.ADJUSTED)


@dataclass(slots=True)
class Rebuilt:
    """Empty projections into which the postings were replayed, and what else they say."""

    wallets: dict[int, Wallet] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    stored: dict[int, Any] = field(default_factory=dict)
    """The stored rows of the lots."""
    spent: dict[int, int] = field(default_factory=dict)
    """What left a lot for good, by lot."""
    granted: dict[int, int] = field(default_factory=dict)
    """What came into a lot from its cause, by lot."""
    booked_back: list[int] = field(default_factory=list)
    """Postings that were booked before an earlier one of their wallet."""
    causes: set[tuple[int, int]] = field(default_factory=set)


async def of(read: Read, wallet_ids: Sequence[int], *, until: datetime | None = None) -> Rebuilt:
    """Replay everything that was booked on these wallets, up to and including `until` (None: all of it)."""
    c = posting.c
    statement = select(posting).where(
        or_(any_of(c.wallet_id, wallet_ids), any_of(c.to_wallet_id, wallet_ids))
    )
    if until is not None:
        statement = statement.where(c.booked_at <= until)
    postings = await read.all(statement.order_by(c.id))
    rebuilt = Rebuilt()
    await _shells(read, rebuilt, wallet_ids, postings)
    last: dict[int, datetime] = {}
    for row in postings:
        _replay(rebuilt, row)
        for wallet_id in (row.wallet_id, row.to_wallet_id):
            if wallet_id is not None and row.booked_at < last.get(wallet_id, row.booked_at):
                rebuilt.booked_back.append(row.id)
            if wallet_id is not None:
                last[wallet_id] = row.booked_at
    return rebuilt


async def page(read: Read, after: int, limit: int) -> list[Wallet]:
    """The next wallets as stored, by id."""
    statement = select(*wallets.COLUMNS).where(wallet.c.id > after).order_by(wallet.c.id).limit(limit)
    return [Wallet(*row) for row in await read.all(statement)]


async def _shells(read: Read, rebuilt: Rebuilt, wallet_ids: Sequence[int], postings: Sequence[Any]) -> None:
    """Wallets and lots with their facts and nothing in them, also those on the other side of a posting."""
    crossing = {each for row in postings if row.to_lot_id is not None for each in (row.lot_id, row.to_lot_id)}
    mine = or_(any_of(lot.c.wallet_id, wallet_ids), any_of(lot.c.id, sorted(crossing)))
    for row in await read.all(select(lot).where(mine)):
        rebuilt.stored[row.id] = row
        owner = rebuilt.wallets.setdefault(
            row.wallet_id, Wallet(row.wallet_id, row.identity_id, row.identity_id, wallets.NOT_BOOKED)
        )
        rebuilt.lots[row.id] = Lot(
            id=row.id,
            wallet=owner,
            rule=row.rule,
            rulebook=row.rulebook,
            issued=row.issued,
            base=row.base,
            earned_at=row.earned_at,
            purchase_id=row.purchase_id,
            eligible=None if row.eligible is None else tuple(row.eligible),
            available_at=row.available_at,
            expires_at=row.expires_at,
        )


def _replay(rebuilt: Rebuilt, row: Any) -> None:
    source, target = Account(row.from_account), Account(row.to_account)
    mine, other = rebuilt.lots[row.lot_id], None if row.to_lot_id is None else rebuilt.lots[row.to_lot_id]
    project(source, target, mine, row.points, other)
    rebuilt.causes.add((row.cause_kind, row.cause_id))
    arrived = mine if other is None else other
    if source is Account.ISSUED or (source is Account.ADJUSTED and other is None):
        rebuilt.granted[mine.id] = rebuilt.granted.get(mine.id, 0) + row.points
        return
    spent = rebuilt.spent
    if target in _OUTSIDE:
        spent[mine.id] = spent.get(mine.id, 0) + row.points
    if source in _OUTSIDE:
        spent[mine.id] = spent.get(mine.id, 0) - row.points
    if other is not None and source is Account.ACTIVE:
        spent[mine.id] = spent.get(mine.id, 0) + row.points
    if other is not None and source is Account.DEFICIT:
        spent[arrived.id] = spent.get(arrived.id, 0) - row.points

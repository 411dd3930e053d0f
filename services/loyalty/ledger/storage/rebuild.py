"""Rebuild projections from postings alone: for verification, and for the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.loyalty.ledger.domain.journal import project
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.wallets import Lot, Wallet
from services.loyalty.ledger.storage import lots, postings, terms, wallets
from services.loyalty.ledger.storage.tables import LotRecord, PostingRecord
from shared.db import Read

_OUTSIDE = (Account.REDEEMED, Account.ADJUSTED)


@dataclass(slots=True)
class Rebuilt:
    """Empty projections into which the postings were replayed, and what else the postings say."""

    wallets: dict[int, Wallet] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    stored: dict[int, LotRecord] = field(default_factory=dict)
    """The stored rows of the lots."""
    spent: dict[int, int] = field(default_factory=dict)
    """The points that left a lot for good, by lot."""
    granted: dict[int, int] = field(default_factory=dict)
    """The points that came into a lot from its cause, by lot."""
    booked_back: list[int] = field(default_factory=list)
    """The postings that were booked before an earlier one of their wallet."""


async def of(read: Read, wallet_ids: Sequence[int], *, until: datetime | None = None) -> Rebuilt:
    """Replay everything that was booked on these wallets, up to and including `until` (None: all of it)."""
    booked = await postings.of_wallets(read, wallet_ids, until=until)
    rebuilt = await _empty(read, wallet_ids, booked, until)
    latest: dict[int, datetime] = {}
    for record in booked:
        _replay(rebuilt, record)
        for wallet_id in (record.wallet_id, record.to_wallet_id):
            if wallet_id is not None and record.booked_at < latest.get(wallet_id, record.booked_at):
                rebuilt.booked_back.append(record.id)
            if wallet_id is not None:
                latest[wallet_id] = record.booked_at
    return rebuilt


async def _empty(
    read: Read, wallet_ids: Sequence[int], booked: Sequence[PostingRecord], until: datetime | None
) -> Rebuilt:
    """Return wallets and lots with their facts and no points, also those on the other side of a posting.

    Lots expire as was known at `until` (None: now).
    """
    crossing = {
        lot_id
        for record in booked
        if record.to_lot_id is not None
        for lot_id in (record.lot_id, record.to_lot_id)
    }
    rebuilt = Rebuilt()
    for stored in await lots.of_wallets(read, wallet_ids, and_lots=sorted(crossing)):
        rebuilt.stored[stored.id] = stored
        identity_id = stored.identity_id
        wallet = rebuilt.wallets.setdefault(
            stored.wallet_id, Wallet(stored.wallet_id, identity_id, identity_id, wallets.NOT_BOOKED)
        )
        rebuilt.lots[stored.id] = Lot(
            id=stored.id,
            wallet=wallet,
            rule=stored.rule,
            rulebook=stored.rulebook,
            issued=stored.issued,
            base=stored.base,
            earned_at=stored.earned_at,
            purchase_id=stored.purchase_id,
            eligible=stored.eligible,
            available_at=stored.available_at,
            expires_at=stored.expires_at,
            slides=stored.slides,
            term_id=stored.term_id,
        )
    if until is not None:
        await _expire_as_at(read, rebuilt, until)
    return rebuilt


async def _expire_as_at(read: Read, rebuilt: Rebuilt, until: datetime) -> None:
    """Give each lot the expiry that it had at an instant."""
    moved = [lot_id for lot_id, lot in rebuilt.lots.items() if lot.term_id is not None]
    for lot_id, of_lot in (await terms.of_lots(read, moved) if moved else {}).items():
        lot, by_then = rebuilt.lots[lot_id], [term for term in of_lot if term.booked_at <= until]
        lot.term_id = by_then[-1].id if by_then else None
        lot.expires_at = by_then[-1].expires_at if by_then else of_lot[0].former_expires_at


def _replay(rebuilt: Rebuilt, record: PostingRecord) -> None:
    source, target = Account(record.from_account), Account(record.to_account)
    lot = rebuilt.lots[record.lot_id]
    to_lot = None if record.to_lot_id is None else rebuilt.lots[record.to_lot_id]
    project(source, target, lot, record.points, to_lot)
    if source in (Account.ISSUED, Account.OPENING) or (source is Account.ADJUSTED and to_lot is None):
        rebuilt.granted[lot.id] = rebuilt.granted.get(lot.id, 0) + record.points
        return
    if to_lot is not None and source is target is Account.ACTIVE:
        rebuilt.granted[to_lot.id] = rebuilt.granted.get(to_lot.id, 0) + record.points
    if target in _OUTSIDE:
        _spend(rebuilt, lot, record.points)
    if source in _OUTSIDE:
        _spend(rebuilt, lot, -record.points)
    if to_lot is not None and source is Account.ACTIVE:
        _spend(rebuilt, lot, record.points)
    if to_lot is not None and source is Account.DEFICIT:
        _spend(rebuilt, to_lot, -record.points)


def _spend(rebuilt: Rebuilt, lot: Lot, points: int) -> None:
    rebuilt.spent[lot.id] = rebuilt.spent.get(lot.id, 0) + points

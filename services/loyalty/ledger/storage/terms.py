"""The statements on terms, and on what is needed to find the lots whose expiry an activity moves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ScalarSelect, and_, or_, select

from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.sliding import EARNING, SPENDING
from services.loyalty.ledger.domain.wallets import Term
from services.loyalty.ledger.storage.tables import lot, posting
from services.loyalty.ledger.storage.term_table import lot_term
from shared.db import Read, Tx, any_of, columns_of

_c = lot_term.c


async def add(tx: Tx, terms: Sequence[Term]) -> None:
    """Store terms."""
    await tx.insert_records(lot_term, terms)


async def of_lots(read: Read, lot_ids: Sequence[int]) -> dict[int, list[Term]]:
    """Return the terms of these lots, by lot, in order."""
    statement = select(*columns_of(lot_term, Term)).where(any_of(_c.lot_id, lot_ids)).order_by(_c.id)
    of_lot: dict[int, list[Term]] = {}
    for term in await read.read_records(Term, statement):
        of_lot.setdefault(term.lot_id, []).append(term)
    return of_lot


async def ids_of_lots(read: Read, lot_ids: Sequence[int]) -> list[int]:
    """Return the ids of the terms of these lots."""
    return [row_id for (row_id,) in await read.all(select(_c.id).where(any_of(_c.lot_id, lot_ids)))]


async def activities(read: Read, wallet_ids: Sequence[int], after: datetime) -> list[datetime]:
    """Return the instants after `after` at which points of these wallets were earned or spent, in order."""
    c = posting.c
    earned = and_(c.cause_kind.in_(EARNING), c.from_account == Account.ISSUED)
    spent = and_(c.cause_kind.in_(SPENDING), c.to_account == Account.REDEEMED)
    at = select(c.occurred_at).distinct().where(any_of(c.wallet_id, wallet_ids), c.occurred_at > after)
    return [instant for (instant,) in await read.all(at.where(or_(earned, spent)).order_by(c.occurred_at))]


def expiry_at(at: datetime) -> ScalarSelect[datetime]:
    """Return what a lot's expiry was at an instant, if it moved since; null if not. For a statement on lots."""
    moved = select(_c.former_expires_at).where(_c.lot_id == lot.c.id, _c.booked_at > at)
    return moved.order_by(_c.id).limit(1).correlate(lot).scalar_subquery()

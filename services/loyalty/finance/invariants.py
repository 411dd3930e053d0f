"""The invariants of the finance figures: they are what wallets and postings say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from services.loyalty.finance.domain.months import month_of
from services.loyalty.finance.queries.month_flows import month_flows
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import ClosedMonthRecord
from services.loyalty.ledger.queries import sums
from services.loyalty.ledger.queries.programme import read_programme
from services.loyalty.ledger.queries.wallets import page_of_wallets
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift, Invariants, Looked

RULES = ("liability_is_wallets", "month_is_its_postings")
ACCOUNTS = ("pending", "active", "held", "owed")
LOOK_MAX = 100
"""The wallets of one look of the running verification."""
PAGE_MAX = 2_000


@dataclass(frozen=True, slots=True)
class _Place:
    """The last wallet that was added up, and the points of all wallets up to it by their postings and by themselves."""

    wallet_id: int = 0
    postings: tuple[int, ...] = (0, 0, 0, 0)
    wallets: tuple[int, ...] = (0, 0, 0, 0)


_PLACE = TypeAdapter(_Place)


async def _next(read: Read, place: _Place, limit: int) -> tuple[_Place, bool]:
    """Add up the next wallets, all of a page at one moment; also return whether there are more."""
    ids = [wallet.id for wallet in await page_of_wallets(read, place.wallet_id, limit)]
    if not ids:
        return place, False
    totals = await sums.totals(read, ids)
    return _Place(
        ids[-1],
        tuple(map(sum, zip(place.postings, totals.postings, strict=True))),
        tuple(map(sum, zip(place.wallets, totals.wallets, strict=True))),
    ), len(ids) == limit


def _differences(place: _Place) -> list[Drift]:
    """Compare the points of all members by their postings with those of all wallets."""
    return [
        Drift(
            "liability_is_wallets",
            account,
            words(__name__, "drift_wallet_differs", column=account, stored=stored, expected=expected),
        )
        for account, expected, stored in zip(ACCOUNTS, place.postings, place.wallets, strict=True)
        if stored != expected
    ]


async def _month(read: Read, record: ClosedMonthRecord, before: ClosedMonthRecord | None) -> list[Drift]:
    """Add up a closed month once more, after the one before it (None: it is the first)."""
    programme = await read_programme(read)
    expected = await month_flows(read, programme, month_of(record.month, programme.zone_info), before)
    stored = await months.flows_of(read, record.month)
    known_id = await sums.last_id_up_to(read, record.ends_at)
    if sorted(stored, key=repr) == sorted(expected, key=repr) and record.last_posting_id <= known_id:
        return []
    return [Drift("month_is_its_postings", f"{record.month:%Y-%m}", words(__name__, "drift_month"))]


async def _look(read: Read, after: str) -> Looked:
    """Add up the next wallets; behind the last one compare them all, and add up the last closed month again."""
    place, more = await _next(read, _PLACE.validate_json(after) if after else _Place(), LOOK_MAX)
    if more:
        return Looked((), _PLACE.dump_json(place).decode())
    drifts, closed = _differences(place), await months.closed(read)
    if closed:
        drifts += await _month(read, closed[-1], closed[-2] if len(closed) > 1 else None)
    return Looked(drifts, "")


async def _verify(read: Read) -> Sequence[Drift]:
    place, more = _Place(), True
    while more:
        place, more = await _next(read, place, PAGE_MAX)
    drifts, before = _differences(place), None
    for record in await months.closed(read):
        drifts += await _month(read, record, before)
        before = record
    return drifts


INVARIANTS = Invariants(RULES, _look, _verify)

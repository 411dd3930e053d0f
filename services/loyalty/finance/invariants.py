"""The invariants of the finance figures: they are what wallets and postings say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.loyalty.finance.domain.months import month_of
from services.loyalty.finance.queries.month_flows import month_flows
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import ClosedMonthRecord
from services.loyalty.ledger.queries import sums
from services.loyalty.ledger.queries.programme import read_programme
from shared.db import Read
from shared.speech import words
from shared.verify.invariants import Drift, Invariants

RULES = ("liability_is_wallets", "month_is_its_postings")
ACCOUNTS = ("active", "pending", "held", "owed")


async def _liability(read: Read) -> list[Drift]:
    """Compare the points of all members by their postings with those of all wallets."""
    totals = await sums.totals(read)
    return [
        Drift(
            "liability_is_wallets",
            account,
            words(__name__, "drift_wallet_differs", column=account, stored=stored, expected=expected),
        )
        for account, expected, stored in zip(ACCOUNTS, totals.postings, totals.wallets, strict=True)
        if stored != expected
    ]


async def _month(read: Read, record: ClosedMonthRecord, since: datetime | None) -> list[Drift]:
    """Add up a closed month once more."""
    programme = await read_programme(read)
    expected = await month_flows(read, programme, month_of(record.month, programme.zone_info), since)
    stored = await months.flows_of(read, record.month)
    if sorted(stored, key=repr) == sorted(expected, key=repr):
        return []
    return [Drift("month_is_its_postings", f"{record.month:%Y-%m}", words(__name__, "drift_month"))]


async def _verify(read: Read) -> Sequence[Drift]:
    drifts, since = await _liability(read), None
    for record in await months.closed(read):
        drifts += await _month(read, record, since)
        since = record.ends_at
    return drifts


INVARIANTS = Invariants(RULES, verify=_verify)
"""They add up all postings, so only `huitou verify` looks at them. The running verification compares wallet by wallet."""

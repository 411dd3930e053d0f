"""Find what members have at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from services.loyalty.finance.domain import liability
from services.loyalty.finance.domain.breakage import Breakage, Cell, expected_breakage
from services.loyalty.finance.domain.liability import EDGES, Liability
from services.loyalty.finance.domain.months import COHORTS_MAX, Cohorts, months_between
from services.loyalty.finance.storage import months
from services.loyalty.finance.storage.tables import MonthFlowRecord
from services.loyalty.ledger.domain import calendar
from services.loyalty.ledger.domain.counting import ASSETS
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.sums import Standing
from services.loyalty.ledger.queries.books_at import standings_at
from shared.db import Read

_REDEEMED = (Account.REDEEMED, Account.PARTNER_RECEIVABLE, Account.DEFICIT)
"""Points that pay a debt pay for what was redeemed before."""


async def find_liability(read: Read, programme: Programme, as_of: datetime) -> Liability:
    """Return what members have at an instant up to now, as the ledger says it: what had fallen due counts."""
    zone = programme.zone_info
    cohorts = Cohorts.up_to(as_of, zone)
    expiries = [calendar.plus_months(as_of, edge, zone) for edge in EDGES]
    closed = [record for record in await months.closed(read) if record.ends_at <= as_of]
    after_id = closed[-1].last_posting_id if closed else 0
    standings = await standings_at(read, as_of, cohorts.edges, expiries, after_id=after_id)
    breakage = await _breakage(read, standings, cohorts, [record.month for record in closed])
    return liability.liability(standings, cohorts, breakage, programme.at(as_of).points_value)


async def _breakage(
    read: Read, standings: Iterable[Standing], cohorts: Cohorts, closed: Sequence[date]
) -> Breakage:
    """Estimate breakage from the months `closed`, in their order."""
    flows = await months.flows(read, until=closed[-1]) if closed else []
    outstanding = liability.can_expire(standings, cohorts)
    return expected_breakage(_cells(flows), closed, outstanding, cohorts.last)


def _cells(flows: Iterable[MonthFlowRecord]) -> list[Cell]:
    """Return what became of points that can expire, by cohort and month, but for those that are older than cohorts are told apart."""
    sums: dict[tuple[date, date], dict[str, int]] = {}
    for flow in flows:
        if not flow.expires or months_between(flow.cohort, flow.month) >= COHORTS_MAX - 1:
            continue
        came, went = flow.to_account in ASSETS, flow.from_account in ASSETS
        if not came and not went:
            continue
        cell = sums.setdefault(
            (flow.cohort, flow.month), dict.fromkeys(("came", "redeemed", "expired", "left"), 0)
        )
        cell["came" if came else _end(flow.to_account)] += flow.points
    return [Cell(cohort=cohort, month=month, **cell) for (cohort, month), cell in sums.items()]


def _end(account: int) -> str:
    if account == Account.EXPIRED:
        return "expired"
    return "redeemed" if account in _REDEEMED else "left"

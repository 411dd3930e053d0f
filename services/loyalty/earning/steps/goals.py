"""The goals of members whose wallets are locked: what is from before a goal, completions that are granted, and those that are taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.budgets import BudgetKey, Quotas
from services.loyalty.earning.domain.progress import GOAL, Aim, Lost, Progress, Reached, Starts
from services.loyalty.earning.domain.returning import PointsOfLot
from services.loyalty.earning.storage import completions
from services.loyalty.earning.storage.completions import add as store_completions
from services.loyalty.earning.storage.past import count_past
from services.loyalty.earning.storage.tables import CompletionRecord
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Wallet
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsEarned
from shared.vault import Numbers

__all__ = [
    "CompletionRecord",
    "Completions",
    "begin",
    "complete",
    "count_past",
    "load_completions",
    "store_completions",
]

CAUSE = "goal"
"""The kind of cause by which events name completions."""


def complete(
    booking: Booking,
    numbers: Numbers,
    reached: Reached,
    fact: PostingCause,
    at: datetime,
    quotas: Quotas,
    budget: BudgetKey | None,
) -> CompletionRecord:
    """Book completions that a fact brought at an instant, tell their points, and return their row.

    The points are as many as their budget has room for.
    """
    journal, wallet = booking.journal, booking.locked.by_id[reached.wallet_id]
    member = booking.locked.members[wallet.owner_id]
    posted = PostingCause(CauseKind.GOAL, journal.next_id())
    zone, points = booking.programme.zone_info, reached.points
    if budget is not None:
        points = quotas.take(budget, points)
    lot = earning.complete(journal, member, wallet, reached, posted, at, zone, budget, points)
    cause = Cause(kind=CAUSE, id=numbers.name(CAUSE, posted.id))
    if points:
        moved = MovedPoints(wallet, points, cause, posted, at)
        tell_points(booking.tx, numbers, booking.programme, PointsEarned, moved)
    return CompletionRecord(
        id=posted.id,
        wallet_id=wallet.id,
        goal=reached.goal.code,
        rulebook=reached.rulebook,
        period_from=reached.period_from,
        number=reached.number,
        count=reached.completions,
        reversed=0,
        lot_id=lot.id,
        cause_kind=fact.kind,
        cause_id=fact.id,
        occurred_at=at,
        booked_at=wallet.last_booked_at,
    )


@dataclass(slots=True)
class Completions:
    """The completions that may be taken back, with their lots; the last one first."""

    rows: dict[int, CompletionRecord] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)

    def take(self, lost: Lost) -> list[PointsOfLot]:
        """Take the last completions of a goal in a period back from a wallet, and return their points."""
        taken, count = [], lost.completions
        of_goal = (lost.wallet_id, lost.term.goal.code, lost.term.period_from)
        for row_id, row in list(self.rows.items()):
            if count and (row.wallet_id, row.goal, row.period_from) == of_goal and row.reversed < row.count:
                part = min(count, row.count - row.reversed)
                later, lot = replace(row, reversed=row.reversed + part), self.lots[row.lot_id]
                points = row.kept(row.count - row.reversed, lot.issued) - later.kept(
                    later.count - later.reversed, lot.issued
                )
                self.rows[row_id] = later
                self.changed.add(row_id)
                count -= part
                if points:
                    taken.append(PointsOfLot(lot, points))
        assert not count, "no more completions go back than were granted"
        return taken

    async def store(self, tx: Tx) -> None:
        """Store what was taken back."""
        await completions.store_reversed(tx, [self.rows[row_id] for row_id in sorted(self.changed)])


async def load_completions(tx: Tx, locked: Locked, progress: Progress) -> Completions:
    """Load the completions that may be taken back from the wallets whose counters of goals are loaded, with their lots."""
    granted = [key for key, row in progress.counters.rows.items() if key.key.startswith(GOAL) and row.granted]
    if not granted:
        return Completions()
    rows = await completions.open_of(
        tx,
        {key.wallet_id for key in granted},
        {key.key.removeprefix(GOAL) for key in granted},
        {key.period_from for key in granted},
    )
    loaded = await lots.load_by_id(tx, locked, [row.lot_id for row in rows])
    return Completions({row.id: row for row in rows}, loaded)


async def begin(
    tx: Tx,
    locked: Locked,
    progress: Progress,
    aims: Iterable[tuple[Aim, Wallet]],
    starts: Starts,
    zone: ZoneInfo,
) -> None:
    """Count what members bought before a goal, for the wallets that count for it for the first time."""
    fresh = {
        key
        for aim, bought in aims
        if aim.term.begins and not aim.is_past
        for wallet in locked.members[bought.owner_id].wallets
        if (key := aim.term.key(GOAL, wallet.id)) not in progress.counters.rows
    }
    if fresh:
        await count_past(tx, progress, starts, zone, fresh)

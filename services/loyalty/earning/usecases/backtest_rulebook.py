"""Backtest a document of rules on the purchases of a period: a job that replays one page of members after the other."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from services.loyalty.earning.domain import falling
from services.loyalty.earning.domain.backtesting import Points, Share, Sold, points_of
from services.loyalty.earning.domain.compiling import CompiledRulebook, parse
from services.loyalty.earning.domain.forecasting import Forecast
from services.loyalty.earning.queries.rulebooks import compiled_of
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.ledger.queries.wallets import count_members, members_page
from services.loyalty.purchases.queries import orders
from services.loyalty.settings import Settings
from services.loyalty.tiers.queries.tiers_booked import BookedSpend, tiers_booked
from shared import csv_text, jobs
from shared.context import Context
from shared.csv_text import Cell
from shared.db import Tx
from shared.jobs import Held, JobKind, ResultFile, Step
from shared.pacing import paced

WALLETS_A_CHUNK = 25
"""The wallets of one chunk, which is one transaction: a member may have thousands of purchases."""
COLUMNS = ("row", "customer_id", "tier", "rule", "points_before", "points_after", "difference", "low", "high")
"""`low` and `high`: where the difference would lie in 95 of 100 periods like this one."""
RULE, MEMBER, TOTAL, ALL = "rule", "member", "total", "all"
"""The kinds of rows: a rule for the purchases of a member in a tier, all of a member, a rule for all members in a tier, and all of all."""
EXAMPLE = "rule,cus_01hv3n8v1mz8k7g5r0q2w4x6y8,silver,base,120,240,120,,\r\nmember,cus_01hv3n8v1mz8k7g5r0q2w4x6y8,,,120,240,120,,"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """The document that is tried, and the half-open period of the purchases."""

    document: str
    since: datetime
    until: datetime


BACKTEST_ASKED = TypeAdapter(Backtest)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The points of a member by the rules that were in force, and by those that are tried."""

    owner_id: str
    before: Points
    after: Points


async def backtest_rulebook(tx: Tx, context: Context[Settings], held: Held) -> Step:
    """Replay the purchases of the next members by the rules that they earned by, and by the document.

    Both are replayed in the same way: without what was returned since, and with caps that are empty at the begin of the period.
    """
    asked = BACKTEST_ASKED.validate_json(held.parameters)
    members, last = await members_page(tx, int(held.cursor or 0), WALLETS_A_CHUNK)
    compared = await _compared(tx, context, asked, parse(asked.document), members)
    rows = [row for member in compared for row in _rows(member)]
    if last is None:
        rows += _totals([*[line async for line in _written(tx, held)], *rows])
    header = [] if held.cursor else [COLUMNS]
    text = csv_text.rows_of([*header, *rows])
    return Step(
        cursor=held.cursor if last is None else str(last),
        finished=last is None,
        done=len(members),
        outcomes=_outcomes(compared, len(members)),
        output=text if held.cursor else csv_text.BOM + text,
        total=held.total if held.total is not None else await count_members(tx),
    )


async def _compared(
    tx: Tx,
    context: Context[Settings],
    asked: Backtest,
    tried: CompiledRulebook,
    members: Sequence[Sequence[Wallet]],
) -> list[_Compared]:
    """Return the points of those of these members who bought in the period."""
    programme = await programme_or_default(tx, context)
    owner_of = {wallet.id: wallet.owner_id for wallets in members for wallet in wallets}
    purchases = await orders.of_period(tx, sorted(owner_of), asked.since, asked.until)
    returned = await orders.returned_units(tx, [purchase.id for purchase in purchases])
    books = await compiled_of(tx, {purchase.rulebook for purchase in purchases})
    spends = []
    for purchase in purchases:
        cart = falling.cart_of(purchase)(returned.get(purchase.id, []))
        amount = cart.amount(cart.everything)
        spends.append(
            BookedSpend(purchase.id, purchase.wallet_id, purchase.currency, purchase.occurred_at, amount)
        )
    tiers = await tiers_booked(tx, programme, owner_of, spends)
    sold: dict[str, list[Sold]] = {}
    for purchase, tier in zip(purchases, tiers, strict=True):
        frozen = tier if purchase.context is None else purchase.context.tier
        fact = Sold(purchase, returned.get(purchase.id, []), frozen, books[purchase.rulebook])
        sold.setdefault(owner_of[purchase.wallet_id], []).append(fact)
    compared = []
    async for wallets in paced(members):
        facts, owned = sold.get(wallets[0].owner_id, []), [wallet.id for wallet in wallets]
        if facts:
            before = points_of([(fact.book, fact) for fact in facts], owned, programme.zone_info)
            after = points_of([(tried, fact) for fact in facts], owned, programme.zone_info)
            compared.append(_Compared(wallets[0].owner_id, before, after))
    return compared


def _rows(member: _Compared) -> Iterator[Sequence[Cell]]:
    for share in sorted(member.before.keys() | member.after.keys()):
        before, after = member.before[share], member.after[share]
        yield _row(RULE, member.owner_id, share.tier, share.rule, before, after)
    yield _row(MEMBER, member.owner_id, None, None, member.before.total(), member.after.total())


def _row(
    kind: str,
    owner_id: str | None,
    tier: str | None,
    rule: str | None,
    before: int,
    after: int,
    interval: tuple[int | None, int | None] = (None, None),
) -> Sequence[Cell]:
    return kind, owner_id, tier, rule, before, after, after - before, *interval


async def _written(tx: Tx, held: Held) -> AsyncIterator[Sequence[Cell]]:
    """Yield the rows that the job has written, piece by piece: the file is all that it has kept."""
    number = 1
    while (piece := await jobs.piece_of(tx, held.keys, held.id, held.id, "out", number)) is not None:
        for row in csv.reader(io.StringIO(piece, newline="")):
            yield row
        number += 1


def _totals(rows: Sequence[Sequence[Cell]]) -> list[Sequence[Cell]]:
    """Return the rows that add up all rows of members: one for each tier and rule, and one for everything."""
    before, after = Points(), Points()
    forecast_of: dict[Share, Forecast] = {}
    everything, was_all, is_all = Forecast(), 0, 0
    for kind, _, tier, rule, *numbers in rows:
        if kind not in (RULE, MEMBER):
            continue  # the header
        points, would_have = int(numbers[0] or 0), int(numbers[1] or 0)
        if kind == RULE:
            share = Share(str(tier), str(rule))
            before[share] += points
            after[share] += would_have
            forecast_of.setdefault(share, Forecast()).add(would_have - points)
        else:
            everything.add(would_have - points)
            was_all, is_all = was_all + points, is_all + would_have
    found = [
        _row(TOTAL, None, share.tier, share.rule, before[share], after[share], forecast.interval)
        for share, forecast in sorted(forecast_of.items())
    ]
    return [*found, _row(ALL, None, None, None, was_all, is_all, everything.interval)]


def _outcomes(compared: Sequence[_Compared], members: int) -> Mapping[str, int]:
    """Return how many members would gain, lose, have the same, or did not buy."""
    differences = [member.after.total() - member.before.total() for member in compared]
    counted = Counter(
        "gains" if difference > 0 else "loses" if difference < 0 else "same" for difference in differences
    )
    return {**counted, "not_bought": members - len(compared)}


BACKTEST = JobKind(
    operation="backtest_rulebook",
    step=backtest_rulebook,
    file=ResultFile("backtest.csv", csv_text.MEDIA_TYPE, f"{','.join(COLUMNS)}\r\n{EXAMPLE}\r\n"),
)

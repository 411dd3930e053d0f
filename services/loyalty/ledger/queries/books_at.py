"""Read the books of the whole programme at any instant: what had fallen due counts, without a write."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.counting import ASSETS
from services.loyalty.ledger.domain.journal import Journal, no_ids
from services.loyalty.ledger.domain.postings import Posting
from services.loyalty.ledger.domain.sums import Flow, Standing
from services.loyalty.ledger.domain.wallets import Hold, Lot, Member, Wallet, next_due
from services.loyalty.ledger.storage import holds, rebuild, sums
from services.loyalty.ledger.storage.wallets import NOT_BOOKED
from shared.db import Read


@dataclass(frozen=True, slots=True)
class _Settled:
    """Members whose due movements depend on debts or holds, settled in memory: their lots, and what was booked for that."""

    wallet_ids: Sequence[int] = ()
    erased: frozenset[int] = frozenset()
    lots: dict[int, Lot] = field(default_factory=dict)
    postings: Sequence[Posting] = ()


async def flows_between(
    read: Read,
    since: datetime | None,
    until: datetime,
    cohorts: Sequence[datetime],
    *,
    after_id: int = 0,
) -> list[Flow]:
    """Return what moved into members' accounts and out of them after `since` (None: ever) and up to `until`.

    `cohorts` are rising edges: points are told apart by how many of them lie at or before the instant at which they were earned.
    All postings that were booked after `since` have ids above `after_id`, so that no others are read.
    """
    settled = await _settle(read, until)
    at_since = [] if since is None else await _intricate(read, since)
    return [
        *await sums.flows(read, since, until, cohorts, settled.wallet_ids, at_since, after_id),
        *_moves(settled, since, cohorts),
    ]


async def standings_at(
    read: Read,
    at: datetime,
    cohorts: Sequence[datetime],
    expiries: Sequence[datetime],
    *,
    after_id: int = 0,
) -> list[Standing]:
    """Return the points that members had at an instant, by cohort and by how many of the edges `expiries` lie before their last day.

    All postings that were booked after `at` have ids above `after_id`, so that no others are read.
    """
    settled = await _settle(read, at)
    return [
        *await sums.standings(read, at, cohorts, expiries, settled.wallet_ids, after_id),
        *(_standing(settled, lot, cohorts, expiries) for lot in settled.lots.values()),
    ]


async def _intricate(read: Read, at: datetime) -> list[int]:
    return [wallet_id for wallet_id, _ in await sums.intricate_wallets(read, at)]


async def _settle(read: Read, at: datetime) -> _Settled:
    """Book in memory what fell due by `at` to members who owe or hold points, as the next writer will."""
    intricate = await sums.intricate_wallets(read, at)
    if not intricate:
        return _Settled()
    wallet_ids = [wallet_id for wallet_id, _ in intricate]
    rebuilt = await rebuild.of(read, wallet_ids, until=at)
    of_owner: dict[str, list[Wallet]] = {}
    for wallet_id, owner_id in intricate:
        wallet = rebuilt.wallets.get(wallet_id) or Wallet(wallet_id, owner_id, owner_id, NOT_BOOKED)
        of_owner.setdefault(owner_id, []).append(wallet)
    journal = Journal(at, no_ids)
    wallets = {wallet.id: wallet for owned in of_owner.values() for wallet in owned}
    open_holds = await holds.open_at(read, wallets, rebuilt.lots, at)
    for member in _members(of_owner, rebuilt.lots.values(), open_holds):
        settling.touch(journal, member)
    ours = set(wallet_ids)
    return _Settled(
        wallet_ids=wallet_ids,
        erased=frozenset(await sums.erased_wallets(read, wallet_ids, at)),
        lots={lot_id: lot for lot_id, lot in rebuilt.lots.items() if lot.wallet.id in ours},
        postings=journal.postings,
    )


def _members(
    of_owner: dict[str, list[Wallet]], lots: Iterable[Lot], open_holds: Sequence[Hold]
) -> Iterator[Member]:
    """Yield each owner with all wallets, lots and holds."""
    of_wallet: dict[int, dict[int, Lot]] = {}
    for lot in lots:
        of_wallet.setdefault(lot.wallet.id, {})[lot.id] = lot
    for owner_id, wallets in of_owner.items():
        owned = {lot_id: lot for wallet in wallets for lot_id, lot in of_wallet.get(wallet.id, {}).items()}
        for wallet in wallets:
            dues = [next_due(lot) for lot in of_wallet.get(wallet.id, {}).values()]
            ends = [hold.expires_at for hold in open_holds if hold.wallet is wallet]
            wallet.next_due_at = min((at for at in (*dues, *ends) if at is not None), default=None)
        own = {wallet.id for wallet in wallets}  # a rebuilt wallet does not know its owner
        held = {hold.id: hold for hold in open_holds if hold.wallet.id in own}
        yield Member(owner_id, wallets, owned, lots_complete=True, holds=held, holds_complete=True)


def _moves(settled: _Settled, since: datetime | None, cohorts: Sequence[datetime]) -> Iterator[Flow]:
    """Yield what was settled in memory as flows, without movements among a member's own points."""
    for posting in settled.postings:
        is_inside = posting.from_account in ASSETS and posting.to_account in ASSETS
        if is_inside or (since is not None and posting.occurred_at <= since):
            continue
        holder = posting.lot_id
        if posting.from_account not in ASSETS and posting.to_lot_id is not None:
            holder = posting.to_lot_id
        lot = settled.lots[holder]
        yield Flow(
            cohort=bisect_right(cohorts, lot.earned_at),
            expires=lot.expires_at is not None,
            from_account=posting.from_account,
            to_account=posting.to_account,
            points=posting.points,
        )


def _standing(
    settled: _Settled, lot: Lot, cohorts: Sequence[datetime], expiries: Sequence[datetime]
) -> Standing:
    return Standing(
        cohort=bisect_right(cohorts, lot.earned_at),
        expiry=len(expiries) if lot.expires_at is None else bisect_right(expiries, lot.expires_at),
        expires=lot.expires_at is not None,
        erased=lot.wallet.id in settled.erased,
        pending=lot.pending,
        active=lot.remaining,
        held=lot.held,
        owed=lot.owed,
    )

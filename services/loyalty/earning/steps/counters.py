"""The counters of the members' caps, loaded for purchases and returns whose wallets are locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.earning import Decision, F
from services.loyalty.earning.domain.falling import Booked, Capped, missing
from services.loyalty.earning.domain.levels import CounterKey, Counters
from services.loyalty.earning.domain.progress import Aim, keys_of, series_of
from services.loyalty.earning.steps.rulebooks import compiled_rulebooks
from services.loyalty.earning.storage import counters
from services.loyalty.earning.storage.counters import store
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.wallets import Lot, Member
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.programme import current_programme
from shared.db import Tx

__all__ = ["Levels", "load", "load_levels", "load_of_wallets", "store"]


@dataclass(frozen=True, slots=True)
class Levels:
    """The rulebooks of lots, the counters of their caps, and of the lots that these caps let through those that may be needed."""

    books: Mapping[int, CompiledRulebook]
    counters: Counters
    capped: Capped


async def load(tx: Tx, locked: Locked, decisions: Iterable[Decision[F]]) -> Counters:
    """Return the counters of caps and goals that these facts count for."""
    keys: list[CounterKey] = []
    series: list[tuple[int, str]] = []
    for decision in decisions:
        wallet_ids = [wallet.id for wallet in locked.member(decision.fact.identity_id).wallets]
        keys += [
            level.of(wallet_id)
            for claim in decision.claims
            for level in claim.levels
            for wallet_id in wallet_ids
        ]
        if decision.aims:
            keys += keys_of(decision.aims, wallet_ids)
            series += series_of(decision.aims, wallet_ids)
    return await counters.load(tx, keys, series)


async def load_of_wallets(tx: Tx, wallet_ids: Sequence[int]) -> Counters:
    """Return all counters of these wallets."""
    return counters.held(await counters.of_wallets(tx, wallet_ids))


async def load_levels(
    tx: Tx,
    locked: Locked,
    earned: Sequence[tuple[Booked, Lot]],
    aimed: Iterable[tuple[Booked, Sequence[Aim]]] = (),
) -> Levels:
    """Return what it takes to undo these facts, which earned these lots and count for the goals of these aims."""
    zone = (await current_programme(tx)).zone_info
    books = await compiled_rulebooks(tx, {lot.rulebook for _, lot in earned})
    keys: list[CounterKey] = []
    capped: dict[tuple[int, str, date], dict[int, Lot]] = {}
    lacking: dict[tuple[tuple[int, ...], str, date], int] = {}
    for purchase, lot in earned:
        if lot.cap is None or lot.cap_from is None:
            continue
        levels = earning.levels_of(books[lot.rulebook], lot.rule, purchase.occurred_at, zone)
        wallet_ids = tuple(wallet.id for wallet in _member(locked, lot).wallets)
        keys += [level.of(wallet_id) for wallet_id in wallet_ids for level in levels]
        capped.setdefault((lot.wallet.id, lot.cap, lot.cap_from), {})[lot.id] = lot
        period = (wallet_ids, lot.cap, lot.cap_from)
        lacking[period] = lacking.get(period, 0) + missing(lot)
    own = {lot.id for _, lot in earned}
    for (wallet_ids, cap, cap_from), points in lacking.items():
        for latest in await lots.load_latest_of_cap(tx, locked, wallet_ids, cap, cap_from, points, own):
            capped.setdefault((latest.wallet.id, cap, cap_from), {})[latest.id] = latest
    series: list[tuple[int, str]] = []
    for purchase, aims in aimed:
        owned = [wallet.id for wallet in locked.members[locked.by_id[purchase.wallet_id].owner_id].wallets]
        keys += keys_of(aims, owned)
        series += series_of(aims, owned)
    by_period = {period: list(counted.values()) for period, counted in capped.items()}
    return Levels(books, await counters.load(tx, keys, series), by_period)


def _member(locked: Locked, lot: Lot) -> Member:
    return locked.member(lot.wallet.identity_id)

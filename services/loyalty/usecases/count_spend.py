"""Count spend towards tiers, and tell whose tier changed."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.domain import tiers
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.tiers import Counted, Standing
from services.loyalty.storage import standings
from services.loyalty.storage.wallets import Locked
from services.loyalty.usecases.tell_tiers import tell_tiers
from shared.db import Tx


async def count_spend(
    tx: Tx, locked: Locked, programme: Programme, journal: Journal, counted: Sequence[Counted]
) -> None:
    """Count purchases and (negative) returns at their effective times; the journal stores the wallets."""
    members = {each.wallet.owner_id: locked.member(each.wallet.identity_id) for each in counted}
    found = await standings.of(tx, programme, members.values())
    concerned = {owner_id: found[owner_id] for owner_id in members}
    await _load_windows(tx, programme, concerned, counted)
    before = {owner_id: (each.tier, each.due_at) for owner_id, each in concerned.items()}
    for each in counted:
        standing = concerned[each.wallet.owner_id]
        changes = tiers.count(standing, programme, each.wallet, each.spend, each.at)
        tell_tiers(tx, programme, changes, each.cause, each.at)
    for standing in concerned.values():
        for wallet in standing.member.wallets:
            journal.touch(wallet)
    await standings.store(tx, (e for key, e in concerned.items() if (e.tier, e.due_at) != before[key]))


async def _load_windows(
    tx: Tx, programme: Programme, concerned: dict[str, Standing], counted: Sequence[Counted]
) -> None:
    """Load the windows of those whose window moves, or whose tier may change; for most there is nothing to load."""
    by_owner: dict[str, list[Counted]] = {}
    for each in counted:
        by_owner.setdefault(each.wallet.owner_id, []).append(each)
    missing = []
    for owner_id, mine in by_owner.items():
        standing = concerned[owner_id]
        up = sum(each.spend.amount_minor for each in mine if each.spend.amount_minor > 0)
        down = -sum(each.spend.amount_minor for each in mine if each.spend.amount_minor < 0)
        if standing.may_change(programme, up, down) or standing.stale(max(each.at for each in mine)):
            missing += standing.missing()
    await standings.load_windows(tx, programme, concerned.values(), missing)

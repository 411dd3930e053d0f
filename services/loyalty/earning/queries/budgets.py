"""Read budgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain.budgets import Budget, BudgetKey, Quota, Quotas, key_of
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.earning import Claim
from services.loyalty.earning.domain.rulebook import Rulebooks
from services.loyalty.earning.storage import compiled, quotas, rulebooks
from services.loyalty.ledger.queries.programme import programme_or_default
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget in the period of now."""

    budget: Budget
    key: BudgetKey
    quota: Quota


async def quotas_of(
    read: Read, book: CompiledRulebook, claims: Iterable[Claim], at: datetime, zone: ZoneInfo
) -> Quotas:
    """Return the budgets that these grants, and the goals of a version at an instant, come from, also those that nobody has used yet."""
    keys = {claim.budget for claim in claims if claim.budget is not None}
    keys |= {
        key_of(book.budgets[budget], at, zone)
        for goal in book.goals
        if (budget := goal.rule.budget) is not None
    }
    found = await quotas.load(read, keys)
    for key in keys:
        found.rows.setdefault(key, Quota(book.budgets[key.code].ceiling, 0, 0))
    return found


async def list_budgets(read: Read, context: Context[Settings]) -> Sequence[BudgetState]:
    """Return the budgets of the version of the rules that is in force, in the periods of now."""
    now, known = context.clock.now(), await rulebooks.versions(read)
    if not known:
        return []
    version = Rulebooks(known).at(now).version
    book = (await compiled.load(read, known, [version]))[version]
    zone = (await programme_or_default(read, context)).zone_info
    keys = {code: key_of(budget, now, zone) for code, budget in book.budgets.items()}
    found = await quotas.load(read, keys.values())
    return [
        BudgetState(budget, keys[code], found.rows.get(keys[code], Quota(budget.ceiling, 0, 0)))
        for code, budget in sorted(book.budgets.items())
    ]

"""Set the ceiling of a budget."""

from __future__ import annotations

from services.loyalty.earning.queries.budgets import BudgetState, list_budgets
from services.loyalty.earning.refusals import BudgetNotFound, CeilingBelowUse
from services.loyalty.earning.steps.rulebooks import lock_rulebooks
from services.loyalty.earning.storage import quotas
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.context import Context
from shared.db import Tx


async def set_ceiling(tx: Tx, context: Context[Settings], code: str, ceiling: int) -> BudgetState:
    """Change how many points a budget has in the period of now, and return its state.

    Raises BudgetNotFound, and CeilingBelowUse where more was granted already.
    """
    await lock_rulebooks(tx, context)
    states = {state.key.code: state for state in await list_budgets(tx, context)}
    if code not in states:
        raise BudgetNotFound
    key = states[code].key
    await quotas.open_all(tx, {key: states[code].budget.ceiling})
    quota = (await quotas.load(tx, [key], lock=True)).rows[key]
    if ceiling < quota.used + quota.held:
        raise CeilingBelowUse(used=quota.used + quota.held)
    await quotas.set_ceiling(tx, key, ceiling)
    audit.note(tx, changes=[Change(code, "ceiling", quota.ceiling, ceiling)])
    quota.ceiling = ceiling
    return BudgetState(states[code].budget, key, quota)

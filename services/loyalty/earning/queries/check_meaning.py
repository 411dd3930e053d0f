"""Check that the caps and goals of a document keep their meaning."""

from __future__ import annotations

from services.loyalty.earning.domain.document import RulebookDocument, parse_document
from services.loyalty.earning.refusals import BudgetChanged, CapChanged, GoalChanged
from services.loyalty.earning.storage import rulebooks
from shared.db import Read


async def check_meaning(read: Read, document: RulebookDocument) -> None:
    """Refuse a code of a cap or a goal that meant something else before: its counters are those of the code.

    A cap keeps its period and its outer cap. A goal keeps its measure, currency, target and period, a budget its
    period. Raises CapChanged, GoalChanged and BudgetChanged.
    """
    caps = {cap.code: cap for cap in document.caps}
    goals = {goal.code: goal for goal in document.goals}
    budgets = {budget.code: budget for budget in document.budgets}
    for version in await rulebooks.versions(read) if caps or goals or budgets else ():
        for text in (await rulebooks.documents(read, [version.version])).values():
            earlier = parse_document(text)
            for former in earlier.caps:
                cap = caps.get(former.code, former)
                if (cap.period, cap.within) != (former.period, former.within):
                    raise CapChanged(cap=cap.code, version=version.version)
            for before in earlier.goals:
                goal = goals.get(before.code, before)
                if goal.meaning != before.meaning:
                    raise GoalChanged(goal=goal.code, version=version.version)
            for shared in earlier.budgets:
                if budgets.get(shared.code, shared).period != shared.period:
                    raise BudgetChanged(budget=shared.code, version=version.version)

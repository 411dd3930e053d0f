"""Backtest rules on purchases that were booked: what each rule would have granted for what was not returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import earning, falling, leaving
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.earning import Claim
from services.loyalty.earning.domain.leaving import GrantFacts
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import NO_STARTS, Progress, aims_of
from services.loyalty.earning.domain.rules.grants import Grant
from services.loyalty.purchases.domain.facts import MemberFacts, StoredPurchase, UnitRange


class Share(NamedTuple):
    """A rule or a goal, for purchases of members of a tier."""

    tier: str
    rule: str


Points = Counter[Share]


@dataclass(frozen=True, slots=True)
class Sold:
    """A booked purchase, the units of it that went back, and the tier that its member had."""

    purchase: StoredPurchase
    returned: Sequence[UnitRange]
    tier: str
    book: CompiledRulebook
    """The rules that it earned by."""


def points_of(
    sold: Iterable[tuple[CompiledRulebook, Sold]], wallets: Sequence[int], zone: ZoneInfo
) -> Points:
    """Return what these rules grant for the purchases of a member, whose caps and goals are empty before the first of them.

    A cap is a level, so what the member has in the end does not depend on the order of purchases and returns.
    """
    counters, points = Counters(), Points()
    progress = Progress(counters)
    for book, fact in sold:
        purchase = replace(fact.purchase, context=MemberFacts(fact.tier))
        cart_of = falling.cart_of(purchase)
        left = []
        for claim in earning.weigh(book, cart_of(()), zone).claims:
            grant = claim.grant
            facts = GrantFacts(grant.rule, grant.points, grant.base, grant.eligible)
            wanted = leaving.left_of(book, facts, purchase.lines, fact.returned, cart_of)
            kept = Grant(
                grant.rule,
                wanted,
                grant.base,
                grant.eligible,
                grant.available_at,
                grant.expires_at,
                grant.slides,
            )
            left.append(Claim(kept, claim.levels))
        for part in earning.serve(left, counters, purchase.wallet_id, wallets):
            if part.issued:
                points[Share(fact.tier, part.grant.rule)] += part.issued
        for aim in aims_of(book, fact.purchase.rulebook, NO_STARTS, cart_of(fact.returned), zone):
            progress.count(aim, purchase.wallet_id, aim.counted)
            reached = progress.grant(aim.term, aim.rulebook, purchase.wallet_id, wallets)
            if reached is not None:
                points[Share(fact.tier, reached.goal.code)] += reached.completions * reached.goal.points
    return points

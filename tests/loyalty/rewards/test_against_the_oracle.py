"""Claims among everything else, against the oracle in which every point is an object, on both databases.

Random claims, fulfilments, cancellations and returns (also repeated, and refused), with changed stocks and prices, lost transactions,
purchases, returns, redemptions, holds, merges, unmerges and time. The oracle counts stock and limits by walking all claims.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from services.loyalty.earning.queries.stocks import UNLIMITED, stocks_of
from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.rewards.refusals import (
    ClaimEnded,
    ClaimFulfilled,
    ClaimNotFulfilled,
    RewardLimitReached,
    RewardNotForTier,
    RewardSoldOut,
)
from services.loyalty.rewards.usecases.claim_reward import ClaimAsked, claim_reward
from shared.errors import DomainError
from tests.conftest import SEED
from tests.loyalty.oracle import Point
from tests.loyalty.promises import PROMISES
from tests.loyalty.rewards import catalogue
from tests.loyalty.shop import START, TILL, Shop
from tests.loyalty.test_against_the_oracle import Lost, Run, changing  # noqa: F401  (a fixture)
from tests.parts import databases
from tests.parts.sampling import limit

STEPS = 60
RUNS = {"sqlite": limit(3, 12), "postgresql": limit(1, 4)}
TIERS = ("member", "silver", "gold", "jade", "diamond")


@dataclass(eq=False)
class Claimed:
    """A claim in the oracle, with the points that paid it."""

    identity: str
    reward: str
    points: list[Point]
    at: datetime
    state: str = "claimed"
    keeps_piece: bool = True


@dataclass
class Promised:
    """A reward in the oracle: the prices from the lowest level up (None: not for it)."""

    prices: list[int | None]
    stock: int | None
    limit: tuple[int, str] | None
    restocks: bool = True
    claims: list[Claimed] = field(default_factory=list)

    def fields(self) -> dict[str, object]:
        prices = {tier: price for tier, price in zip(TIERS, self.prices, strict=True) if price is not None}
        limited = None if self.limit is None else {"claims": self.limit[0], "period": self.limit[1]}
        return {"price": {"tiers": prices}, "stock": self.stock, "limit": limited, "restocks": self.restocks}

    def used(self) -> int:
        return sum(claim.keeps_piece for claim in self.claims)


def same_period(period: str, at: datetime, now: datetime) -> bool:
    """Whether two instants lie in the same day or month of UTC, the programme's zone here, or in the same life."""
    if period == "day":
        return at.date() == now.date()
    return period == "lifetime" or (at.year, at.month) == (now.year, now.month)


class RewardRun(Run):
    """The same operations on the service and on the oracle, with claims."""

    def __init__(self, shop: Shop, seed: int) -> None:
        super().__init__(shop, seed)
        self.rewards = {
            f"mug_{seed}": Promised([8, 5, 3, 3, 2], 2, None),
            f"tour_{seed}": Promised([12, 12, 2, 2, 1], None, (1, "day")),
            f"seat_{seed}": Promised([None, 4, 1, None, 1], 1, (1, "month"), restocks=False),
            f"gift_{seed}": Promised([1, 1, 1, 1, 1], 6, (1, "lifetime")),
        }
        self.claimed: dict[int, Claimed] = {}

    async def open(self) -> None:
        for code in self.rewards:
            await self.save(code)
        self.oracle.sweep(self.shop.clock.now())
        for _ in self.people:
            await self.buy()

    async def save(self, code: str) -> None:
        await catalogue.put(self.shop, code, **self.rewards[code].fields())

    async def step(self) -> None:
        if self.random.random() < 0.35:
            await super().step()
            return
        self.oracle.sweep(self.shop.clock.now())
        operations: tuple[Callable[[], Awaitable[None]], ...] = (
            self.claim,
            self.claim,
            self.claim,
            self.fulfil,
        )
        await self.random.choice(
            (*operations, self.undo, self.undo, self.undo, self.change, self.lose_claim)
        )()
        await self.compare()

    async def claim(self) -> None:
        who, code = self.random.choice(self.people), self.random.choice(list(self.rewards))
        if await self.shop.see(who) is None:
            return
        promised, now = self.rewards[code], self.shop.clock.now()
        price = promised.prices[self.oracle.level(who, now, PROMISES)]
        refusal = self.refusal(who, promised, price, now)
        if refusal is not None:
            with pytest.raises(refusal):
                await catalogue.claim(self.shop, who, code)
            return
        assert price is not None
        row_id = await catalogue.claim(self.shop, who, code)
        taken = self.oracle.spend(who, price)
        assert taken is not None
        self.claimed[row_id] = Claimed(who, code, taken, now)
        promised.claims.append(self.claimed[row_id])

    def refusal(
        self, who: str, promised: Promised, price: int | None, now: datetime
    ) -> type[DomainError] | None:
        """Why the oracle refuses a claim."""
        if price is None:
            return RewardNotForTier
        if promised.stock is not None and promised.used() >= promised.stock:
            return RewardSoldOut
        if promised.limit is not None:
            most, period = promised.limit
            held = [claim for claim in promised.claims if claim.state in ("claimed", "fulfilled")]
            mine = [claim for claim in held if self.oracle.same(claim.identity, who)]
            if sum(same_period(period, claim.at, now) for claim in mine) >= most:
                return RewardLimitReached
        return InsufficientPoints if self.oracle.active(who) < price else None

    async def fulfil(self) -> None:
        if not self.claimed:
            return
        row_id = self.random.choice(list(self.claimed))
        claim = self.claimed[row_id]
        if claim.state in ("cancelled", "returned"):
            with pytest.raises(ClaimEnded):
                await catalogue.fulfil(self.shop, row_id)
            return
        await catalogue.fulfil(self.shop, row_id)
        claim.state = "fulfilled"

    async def undo(self) -> None:
        """Cancel or return a claim, whatever its state is."""
        if not self.claimed:
            return
        row_id = self.random.choice(list(self.claimed))
        claim, verb = self.claimed[row_id], self.random.choice(("cancelled", "returned"))
        undo = catalogue.cancel if verb == "cancelled" else catalogue.give_back
        refusals: dict[tuple[str, str], type[DomainError]] = {
            ("claimed", "returned"): ClaimNotFulfilled,
            ("fulfilled", "cancelled"): ClaimFulfilled,
            ("cancelled", "returned"): ClaimEnded,
            ("returned", "cancelled"): ClaimEnded,
        }
        refusal = refusals.get((claim.state, verb))
        if refusal is not None:
            with pytest.raises(refusal):
                await undo(self.shop, row_id)
            return
        await undo(self.shop, row_id)
        if claim.state == verb:  # it was undone before, and nothing happens
            return
        claim.state = verb
        claim.keeps_piece = verb == "returned" and not self.rewards[claim.reward].restocks
        touched = {claim.identity} | {point.lot.identity for point in claim.points}
        for point in claim.points:
            self.oracle._come_back(point)
        for identity in touched:
            self.oracle._cover(identity)

    async def change(self) -> None:
        """Another version: other prices, or another stock that is not below what is held."""
        code = self.random.choice(list(self.rewards))
        promised = self.rewards[code]
        if self.random.random() < 0.5:
            promised.prices = [
                None if price is None else self.random.randint(1, 12) for price in promised.prices
            ]
        elif promised.stock is not None:
            promised.stock = promised.used() + self.random.randint(0, 3)
        await self.save(code)

    async def lose_claim(self) -> None:
        """A process that dies before its commit has taken neither points nor a piece."""
        who, code = self.random.choice(self.people), self.random.choice(list(self.rewards))
        with pytest.raises((Lost, DomainError)):
            async with self.shop.database.begin() as tx:
                await claim_reward(
                    tx, self.shop.runtime.context, ClaimAsked(TILL, self.shop.cause(), who, code)
                )
                raise Lost

    async def compare(self) -> None:
        await super().compare()
        async with self.shop.database.read() as read:
            stocks = await stocks_of(read, self.rewards)
        for code, promised in self.rewards.items():
            ceiling = UNLIMITED if promised.stock is None else promised.stock
            assert (stocks[code].used, stocks[code].ceiling) == (promised.used(), ceiling), code


async def test_random_claims_give_what_the_oracle_gives(
    changing: Shop,  # noqa: F811
    kind: databases.Kind,
) -> None:
    for number in range(RUNS[kind]):
        seed = SEED * 1_000 + number
        run = RewardRun(changing, seed)
        print(f"seed {seed}")  # noqa: T201  (shown when it fails)
        await run.open()
        for _ in range(STEPS):
            await run.step()
        await run.look_back()
        changing.clock.advance(START - changing.clock.now())
    await changing.check()

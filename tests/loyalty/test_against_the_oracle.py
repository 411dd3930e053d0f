"""The whole service against the oracle in which every point is an object: I1, I3, I5, I6 on both databases.

Random purchases (also late ones), returns (whole, partial, before their purchase, twice), redemptions, holds (committed whole
and in part, cancelled, extended, replaced, over), adjustments, remedies, merges, unmerges, transactions that are lost
before their commit, repeats, and time, with and without a sweeper; compared after every step.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from services.loyalty.checkout.refusals import (
    OPEN_HOLDS_MAX,
    HoldCancelled,
    HoldCommitted,
    HoldExpired,
    NothingToCommit,
    PointsNotHeld,
    TooManyHolds,
)
from services.loyalty.checkout.usecases.cancel_hold import cancel_hold
from services.loyalty.checkout.usecases.commit_hold import CommitAsked, commit_hold
from services.loyalty.checkout.usecases.hold_points import HoldAsked, hold_points
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore
from services.loyalty.ledger.steps.programme import open_programme, store_version
from services.loyalty.openings.domain.openings import Opening
from services.loyalty.redemptions.refusals import OrderReturned
from services.loyalty.tiers.jobs import SETTLE_DUE, restate
from services.loyalty.tiers.queries.find_standing import find_standing_at
from services.loyalty.transfers.refusals import TransfersNotAllowed, TransferToSelf
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.files.imports import Recorded
from tests.conftest import SEED
from tests.loyalty.changing import changing_rules, times_of
from tests.loyalty.oracle import FAR, Held, Oracle, spread
from tests.loyalty.promises import PROMISES, with_tiers
from tests.loyalty.shop import START, TILL, Shop, bought, customer, merged, promised, returned
from tests.parts import databases
from tests.parts.sampling import limit

REFUSALS = {"committed": HoldCommitted, "cancelled": HoldCancelled, "expired": HoldExpired}
STEPS = 40
RUNS = {"sqlite": limit(5, 12), "postgresql": limit(2, 4)}


class Lost(Exception):
    """The process dies."""


class Run:
    """The same operations on the service and on the oracle."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.random, self.oracle = shop, random.Random(seed), Oracle()
        self.people = [customer() for _ in range(3)]
        self.versions = dict.fromkeys(self.people, 0)
        self.orders: dict[str, tuple[PurchaseRecorded, list[tuple[int, int, int]]]] = {}
        self.told: list[PurchaseRecorded | PurchaseReturned] = []
        self.seen: dict[tuple[str, datetime], tuple[object, str]] = {}
        self.held: dict[int, Held] = {}
        self.committed: list[tuple[int, str, list[tuple[int, int]], int]] = []
        self.orders_of_holds = 0
        self.brought: list[tuple[datetime, int]] = []

    async def step(self) -> None:
        chance = self.random
        if chance.random() < 0.4:
            self.shop.clock.advance(timedelta(hours=chance.choice((0.1, 0.3, 1, 30, 100, 300))))
        if chance.random() < 0.3:
            await self.sweep()
        self.oracle.sweep(self.shop.clock.now())
        operations = (self.buy, self.buy, self.spend, self.spend, self.send_back, self.send_back, self.early)
        holding = (self.hold, self.hold, self.commit, self.commit, self.cancel, self.extend, self.lose)
        await chance.choice(
            (*operations, *holding, self.give, self.correct, self.bring, self.transfer, self.move, self.again)
        )()
        await self.compare()

    async def buy(self) -> None:
        purchase = self._purchase()
        await self.shop.tell(purchase)
        self._bought(purchase)

    async def early(self) -> None:
        """A return that comes before its purchase."""
        purchase = self._purchase()
        units = self._units(purchase)
        back = returned(purchase, units[:2], self.shop.clock.now())
        await self.shop.tell(back)
        await self.shop.tell(purchase)
        self._bought(purchase)
        self.oracle.take_back(purchase.order_id, units[:2])
        self.orders[purchase.order_id] = (purchase, units[2:])

    async def spend(self) -> None:
        chance = self.random
        who, points = chance.choice(self.people), chance.randint(1, 60)
        order_id = chance.choice([*self.orders, ""])
        lines = (
            [(line.quantity, line.amount_minor) for line in self.orders[order_id][0].lines]
            if order_id
            else []
        )
        if await self.shop.see(who) is None:
            return
        order = ("web", order_id) if order_id else None
        if order_id and self.went_back(who, order_id):
            with pytest.raises(OrderReturned):
                await self.shop.redeem(who, points, order, lines)
        elif self.oracle.spend(who, points, order_id, lines or None) is None:
            with pytest.raises(InsufficientPoints):
                await self.shop.redeem(who, points, order, lines)
        else:
            await self.shop.redeem(who, points, order, lines)

    def went_back(self, who: str, order_id: str) -> bool:
        """Whether units of an order of the member's own were returned."""
        purchase, left = self.orders[order_id]
        mine = self.oracle.same(purchase.identity_id, who)
        return mine and len(left) < sum(line.quantity for line in purchase.lines)

    async def send_back(self) -> None:
        open_orders = [order_id for order_id, (_, units) in self.orders.items() if units]
        if not open_orders:
            return
        order_id = self.random.choice(open_orders)
        purchase, left = self.orders[order_id]
        size = self.random.randint(1, len(left))
        units = sorted(left[:size])
        back = returned(purchase, units, self.shop.clock.now())
        self.orders[order_id] = (purchase, left[size:])
        self.told.append(back)
        await self.shop.tell(back)
        self.oracle.take_back(order_id, units)

    async def hold(self) -> None:
        """A hold, sometimes in the place of another one, and the same request once more."""
        chance = self.random
        who, points, seconds = chance.choice(self.people), chance.randint(1, 60), chance.randint(60, 3_600)
        if await self.shop.see(who) is None:
            return
        mine = [
            row_id
            for row_id, held in self.held.items()
            if held.state == "open" and self.oracle.same(held.identity, who)
        ]
        replaced = chance.choice(mine) if mine and chance.random() < 0.4 else None
        lines = [(chance.randint(1, 4), chance.randint(0, 9_000)) for _ in range(chance.randint(1, 3))]
        if replaced is not None:  # the cart has changed
            self.oracle.cancel(self.held[replaced])
        expires_at = self.shop.clock.now() + timedelta(seconds=seconds)
        held = self.oracle.hold(who, points, lines, expires_at) if len(mine) < OPEN_HOLDS_MAX else None
        asked = self.shop.hold_asked(who, points, lines, seconds, replaced)
        if held is None:
            with pytest.raises((InsufficientPoints, TooManyHolds)):
                await self._hold(asked)
            if replaced is not None:  # and nothing is written
                await self.shop.cancel(replaced)
            return
        self.held[await self._hold(asked)] = held
        with pytest.raises(KeyUsedBefore):
            await self._hold(asked)

    async def _hold(self, asked: HoldAsked) -> int:
        async with self.shop.database.begin() as tx:
            return await hold_points(tx, self.shop.runtime.context, asked)

    async def commit(self) -> None:
        """A commit of all or of some units, or of some points; then the purchase of its order. Or the same commit again."""
        chance = self.random
        if self.committed and chance.random() < 0.2:
            row_id, order_id, kept, points = chance.choice(self.committed)
            await self.shop.commit(row_id, order_id, kept, points)
            with pytest.raises(HoldCommitted):
                await self.shop.commit(row_id, f"{order_id}-2", kept, points)
            return
        if not self.held:
            return
        row_id = chance.choice(list(self.held))
        self.orders_of_holds += 1
        held, order_id = self.held[row_id], f"hold-{row_id}-{self.orders_of_holds}"
        if held.state != "open":
            for verb in (self.shop.commit(row_id, order_id), self.shop.extend(row_id, 60)):
                with pytest.raises(REFUSALS[held.state]):
                    await verb
            return
        kept = [(line, chance.randint(1, quantity)) for line, (quantity, _) in enumerate(held.lines, 1)]
        kept = kept if chance.random() < 0.5 else [(line, q) for line, (q, _) in enumerate(held.lines, 1)]
        owners = spread(len(held.points), held.lines)
        most = sum(1 for line, unit in owners if unit <= kept[line - 1][1])
        points = most if chance.random() < 0.5 else chance.randint(1, most or 1)
        if points > most:
            with pytest.raises((PointsNotHeld, NothingToCommit)):
                await self.shop.commit(row_id, order_id, kept, points)
            return
        await self.shop.commit(row_id, order_id, kept, points)
        lines = [
            (q, amount * q // quantity) for (_, q), (quantity, amount) in zip(kept, held.lines, strict=True)
        ]
        self.oracle.commit(held, points, order_id, lines)
        self.committed.append((row_id, order_id, kept, points))
        purchase = bought(held.identity, lines, self.shop.clock.now(), order_id=order_id)
        await self.shop.tell(purchase)
        self._bought(purchase)

    async def cancel(self) -> None:
        if not self.held:
            return
        row_id = self.random.choice(list(self.held))
        held = self.held[row_id]
        if held.state in ("committed", "expired"):
            with pytest.raises(REFUSALS[held.state]):
                await self.shop.cancel(row_id)
            return
        await self.shop.cancel(row_id)
        if held.state == "open":
            self.oracle.cancel(held)

    async def extend(self) -> None:
        open_holds = [row_id for row_id, held in self.held.items() if held.state == "open"]
        if not open_holds:
            return
        row_id, seconds = self.random.choice(open_holds), self.random.randint(60, 3_600)
        await self.shop.extend(row_id, seconds)
        held = self.held[row_id]
        held.expires_at = max(held.expires_at, self.shop.clock.now() + timedelta(seconds=seconds))

    async def lose(self) -> None:
        """A process that dies before its commit has done nothing."""
        open_holds = [row_id for row_id, held in self.held.items() if held.state == "open"]
        who = self.random.choice(self.people)
        with pytest.raises(Lost):
            async with self.shop.database.begin() as tx:
                if open_holds:
                    row_id, context = self.random.choice(open_holds), self.shop.runtime.context
                    if self.random.random() < 0.5:
                        await cancel_hold(tx, TILL, row_id)
                    else:
                        await commit_hold(
                            tx, context, CommitAsked(TILL, row_id, "web", f"lost-{len(self.seen)}")
                        )
                elif self.oracle.active(who) > 0:
                    await hold_points(tx, self.shop.runtime.context, self.shop.hold_asked(who, 1, [(1, 100)]))
                raise Lost

    async def again(self) -> None:
        if self.told:
            await self.shop.tell(*self.random.choices(self.told, k=2))

    async def give(self) -> None:
        who, points, now = self.random.choice(self.people), self.random.randint(1, 40), self.shop.clock.now()
        if await self.shop.see(who) is None:
            return
        grant = promised(who, points, now, now + timedelta(minutes=15))
        await self.shop.tell(grant)
        await self.shop.tell(grant)
        self.oracle.give(who, points)

    async def correct(self) -> None:
        who, points = self.random.choice(self.people), self.random.choice((-30, -5, 5, 30))
        if await self.shop.see(who) is None:
            return
        if points > 0:
            await self.shop.adjust(who, points)
            self.oracle.give(who, points)
        elif self.oracle.spend(who, -points) is None:
            with pytest.raises(InsufficientPoints):
                await self.shop.adjust(who, points)
        else:
            await self.shop.adjust(who, points)

    async def bring(self) -> None:
        """A row of an opening balance, and the same row once more."""
        chance, now = self.random, self.shop.clock.now()
        who = chance.choice(self.people)
        earned_at = now - timedelta(hours=chance.choice((0, 30, 500, 2_000)))
        available_at = chance.choice((None, earned_at + timedelta(hours=chance.choice((0, 40, 600)))))
        lasts = timedelta(hours=chance.choice((1, 200, 900)))
        expires_at = chance.choice((None, (available_at or earned_at) + lasts))
        row_id, points = f"{who}-{len(self.brought)}", chance.randint(1, 60)
        row = Opening("old", row_id, who, None, points, earned_at, available_at, expires_at)
        if await self.shop.see(who) is None:
            return
        self.brought.append((now, points))
        (first,), (again,) = await self.shop.bring(row), await self.shop.bring(row)
        assert isinstance(first, Recorded)
        assert again == Recorded("repeated", first.id, row_id)
        self.oracle.bring(who, points, earned_at, available_at, expires_at or FAR)

    async def transfer(self) -> None:
        """A gift to another member, who may be the same one since a merge."""
        sender, receiver = self.random.sample(self.people, 2)
        points = self.random.randint(1, 60)
        if await self.shop.see(sender) is None or await self.shop.see(receiver) is None:
            return
        give = self.shop.give(sender, receiver, points)
        if self.oracle.same(sender, receiver):
            with pytest.raises(TransferToSelf):
                await give
        elif self.shop.clock.now() < PROMISES[1][0]:  # the first version does not let them
            with pytest.raises(TransfersNotAllowed):
                await give
        elif self.oracle.transfer(sender, receiver, points):
            await give
        else:
            with pytest.raises(InsufficientPoints):
                await give

    async def move(self) -> None:
        who, owner = self.random.choice(self.people), self.random.choice(self.people)
        self.versions[who] += 1
        move = merged(who, owner, self.versions[who], self.shop.clock.now())
        stale = merged(who, self.people[0], self.versions[who] - 1, self.shop.clock.now())
        await self.shop.tell(move, move, stale)
        if self.oracle.owner.get(who, who) != owner:
            self.oracle.move(who, owner)

    async def sweep(self) -> None:
        await SETTLE_DUE.run(self.shop.runtime)
        await restate(self.shop.runtime)

    async def compare(self) -> None:
        now = self.shop.clock.now()
        self.oracle.sweep(now)
        for who in self.people:
            seen = await self.shop.see(who)
            active, pending = self.oracle.active(who), self.oracle.count(who, "pending")
            if seen is None:
                assert (active, pending) == (0, 0)
                continue
            balance = seen.member.balance()
            held = self.oracle.count(who, "held")
            assert (balance.active, balance.pending, balance.held) == (active, pending, held)
            level = self.oracle.level(who, now, PROMISES)
            assert seen.programme.at(now).tiers[level].code == seen.standing.tier
            self.seen[who, now] = (balance, seen.standing.tier)

    async def look_back(self) -> None:
        """What was seen at any moment is what `as_of` says of it today (I4)."""
        for (who, at), expected in self.seen.items():
            async with self.shop.database.begin() as tx:
                was = await find_member_at(tx, who, at)
                standing = await find_standing_at(tx, was, at)
            assert (was.member.balance(), standing.tier) == expected, (who, at)

    def _purchase(self) -> PurchaseRecorded:
        chance = self.random
        at = self.shop.clock.now() - timedelta(hours=chance.choice((0, 0, 0, 5, 500)))
        lines = [(chance.randint(1, 4), chance.randint(0, 9_000)) for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.15:
            lines.append((1, 120_000))
        return bought(chance.choice(self.people), lines, at)

    def _bought(self, purchase: PurchaseRecorded) -> None:
        lines = [(line.quantity, line.amount_minor) for line in purchase.lines]
        at = purchase.occurred_at
        self.oracle.purchase(purchase.identity_id, purchase.order_id, lines, at, *times_of(at))
        self.told.append(purchase)
        self.orders[purchase.order_id] = (purchase, self._units(purchase))

    def _units(self, purchase: PurchaseRecorded) -> list[tuple[int, int, int]]:
        units = [(line.line, unit, unit) for line in purchase.lines for unit in range(1, line.quantity + 1)]
        self.random.shuffle(units)
        return units


@pytest.fixture
async def changing(shop: Shop) -> Shop:
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        for begins, thresholds in PROMISES[1:]:
            await store_version(tx, with_tiers(thresholds), begins, "system")
        for rulebook in changing_rules():
            await rulebooks.add(tx, rulebook)
    return shop


async def test_random_histories_give_what_the_oracle_gives(changing: Shop, kind: databases.Kind) -> None:
    for number in range(RUNS[kind]):
        seed = SEED * 1_000 + number
        run = Run(changing, seed)
        print(f"seed {seed}")  # noqa: T201  (shown when it fails)
        for _ in range(STEPS):
            await run.step()
        await run.look_back()
        changing.clock.advance(START - changing.clock.now())
    await changing.check()

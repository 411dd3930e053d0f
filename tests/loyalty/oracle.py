"""An independent oracle of the ledger: every point is an object, every unit is a step of a loop.

It shares no code with the domain of loyalty: amounts fall on units one by one, points are picked up and put
down one by one. Slow and obvious on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

FAR = datetime(9999, 1, 1, tzinfo=UTC)
Units = list[tuple[int, int, int]]
Lines = list[tuple[int, int]]


@dataclass(eq=False)
class Debt:
    """One point that a return took from a lot that did not have it; `payer` is the point that paid it."""

    lot: Batch
    payer: Point | None = None


@dataclass(eq=False)
class Point:
    """One point; `place` is where it is."""

    lot: Batch
    place: str


@dataclass(eq=False)
class Batch:
    """Points that were granted together."""

    key: int
    identity: str
    earned_at: datetime
    expires_at: datetime
    available_at: datetime | None
    points: list[Point] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    payments: list[Debt] = field(default_factory=list)

    def at(self, place: str) -> list[Point]:
        return [point for point in self.points if point.place == place]

    def unpaid(self) -> list[Debt]:
        return [debt for debt in self.debts if debt.payer is None]


@dataclass(eq=False)
class Order:
    lines: Lines
    batch: Batch | None
    owners_of_points: list[tuple[int, int]]
    identity: str
    at: datetime


@dataclass(eq=False)
class Redemption:
    identity: str
    order_id: str
    positions: list[Point]
    units_of_positions: list[tuple[int, int]]


@dataclass(eq=False)
class Held:
    """Points that are held for a cart, in the order in which they were picked up."""

    identity: str
    points: list[Point]
    lines: Lines
    expires_at: datetime
    state: str = "open"


def spread(points: int, lines: Lines) -> list[tuple[int, int]]:
    """Return the unit (line, number) that owns each point, the first point first."""
    total = sum(amount for _, amount in lines)
    units = [
        (line, number) for line, (quantity, _) in enumerate(lines, 1) for number in range(1, quantity + 1)
    ]
    owners: list[tuple[int, int]] = []
    running = 0
    for count, (line, number) in enumerate(units, 1):
        quantity, amount = lines[line - 1]
        running += amount * number // quantity - amount * (number - 1) // quantity
        upto = points * running // total if total else points * count // len(units)
        owners += [(line, number)] * (upto - len(owners))
    return owners


class Oracle:
    """The books of one programme."""

    def __init__(self) -> None:
        self.now = FAR
        self.batches: list[Batch] = []
        self.orders: dict[str, Order] = {}
        self.redemptions: list[Redemption] = []
        self.holds: list[Held] = []
        self.owner: dict[str, str] = {}
        self.spends: list[tuple[str, datetime, int]] = []

    def purchase(
        self,
        identity: str,
        order_id: str,
        lines: Lines,
        at: datetime,
        available: datetime | None,
        expires: datetime,
    ) -> None:
        amount = sum(amount for _, amount in lines)
        points = amount // 100
        batch = self._grant(identity, points, at, available, expires) if points else None
        self.orders[order_id] = Order(lines, batch, spread(points, lines), identity, at)
        self.spends.append((identity, at, amount))
        self._cover(identity)

    def bring(
        self, identity: str, points: int, at: datetime, available: datetime | None, expires: datetime
    ) -> None:
        """Points come from another system."""
        self._grant(identity, points, at, available, expires)
        self._cover(identity)

    def give(self, identity: str, points: int) -> None:
        self._grant(identity, points, self.now, None, FAR)
        self._cover(identity)

    def spend(
        self, identity: str, points: int, order_id: str = "", lines: Lines | None = None
    ) -> list[Point] | None:
        """Take points, or None when there are not enough."""
        there = self._spendable(identity)
        if len(there) - self._owed(identity) < points:
            return None
        taken = there[:points]
        for point in taken:
            point.place = "spent"
        self.redemptions.append(Redemption(identity, order_id, taken, spread(points, lines) if lines else []))
        return taken

    def transfer(self, sender: str, receiver: str, points: int) -> bool:
        """Points change their member one by one, with the dates that they had; or False when there are not enough."""
        there = self._spendable(sender)
        if len(there) - self._owed(sender) < points:
            return False
        gifts: dict[int, Batch] = {}
        for point in there[:points]:
            point.place = "given"
            old = point.lot
            if old.key not in gifts:
                gifts[old.key] = Batch(len(self.batches), receiver, old.earned_at, old.expires_at, None)
                self.batches.append(gifts[old.key])
            gifts[old.key].points.append(Point(gifts[old.key], "active"))
        self._cover(receiver)
        return True

    def hold(self, identity: str, points: int, lines: Lines, expires_at: datetime) -> Held | None:
        """Hold points, or None when there are not enough."""
        there = self._spendable(identity)
        if len(there) - self._owed(identity) < points:
            return None
        held = Held(identity, there[:points], lines, expires_at)
        for point in held.points:
            point.place = "held"
        self.holds.append(held)
        return held

    def commit(self, held: Held, points: int, order_id: str, lines: Lines) -> None:
        """The first points are spent, the others come back."""
        held.state = "committed"
        spent, back = held.points[:points], held.points[points:]
        for point in spent:
            point.place = "spent"
        self.redemptions.append(Redemption(held.identity, order_id, spent, spread(points, lines)))
        self._let_go(held.identity, back)

    def cancel(self, held: Held, state: str = "cancelled") -> None:
        held.state = state
        self._let_go(held.identity, held.points)

    def _let_go(self, identity: str, points: list[Point]) -> None:
        for point in points:
            self._come_back(point)
        self._cover(identity)

    def take_back(self, order_id: str, units: Units) -> None:
        order = self.orders[order_id]
        back = {(line, number) for line, first, last in units for number in range(first, last + 1)}
        touched = {order.identity}
        for redemption in self.redemptions:
            involved = {redemption.identity, *(point.lot.identity for point in redemption.positions)}
            if redemption.order_id == order_id and order_id and involved & self._group(order.identity):
                for point, unit in zip(redemption.positions, redemption.units_of_positions, strict=False):
                    if unit in back:
                        touched.add(point.lot.identity)
                        self._come_back(point)
        self._reverse(order, sum(1 for unit in order.owners_of_points if unit in back))
        for identity in touched:
            self._cover(identity)
        for line, number in back:
            quantity, amount = order.lines[line - 1]
            worth = amount * number // quantity - amount * (number - 1) // quantity
            self.spends.append((order.identity, order.at, -worth))

    def move(self, identity: str, owner: str) -> None:
        for held in self.holds:
            concerned = {held.identity, *(point.lot.identity for point in held.points)}
            if held.state == "open" and identity in concerned and len(concerned) > 1:
                held.state = "cancelled"
                for point in held.points:
                    self._come_back(point)
        for batch in self._ordered(self._group(identity)):
            for debt in [*batch.payments][::-1]:
                assert debt.payer is not None
                if (debt.payer.lot.identity == identity) != (batch.identity == identity):
                    batch.payments.remove(debt)
                    payer, debt.payer = debt.payer, None
                    self._come_back(payer)
        group = self._group(identity)
        self.owner[identity] = owner
        for member in sorted(group | self._group(identity)):
            self._cover(member)

    def sweep(self, now: datetime) -> None:
        """Time passes: activations, expiries and the ends of holds one after the other."""
        events: list[tuple[datetime, int, int]] = []
        events += [(batch.available_at, 0, batch.key) for batch in self.batches if batch.available_at]
        events += [(batch.expires_at, 1, batch.key) for batch in self.batches]
        events += [(held.expires_at, 2, key) for key, held in enumerate(self.holds) if held.state == "open"]
        for at, kind, key in sorted(events):
            if at > now:
                break
            self.now = at
            if kind == 2:
                self.cancel(self.holds[key], "expired")
                continue
            batch = self.batches[key]
            for point in batch.at("active" if kind else "pending"):
                point.place = "expired" if kind else "active"
            if not kind:
                self._cover(batch.identity)
        self.now = now

    def active(self, identity: str) -> int:
        return len(self._spendable(identity)) - self._owed(identity)

    def count(self, identity: str, place: str) -> int:
        group = self._group(identity)
        return sum(len(batch.at(place)) for batch in self.batches if batch.identity in group)

    def same(self, one: str, other: str) -> bool:
        """Whether two identities are one member."""
        return self.owner.get(one, one) == self.owner.get(other, other)

    def level(self, identity: str, at: datetime, promises: list[tuple[datetime, tuple[int, ...]]]) -> int:
        """The tier by spend of the twelve months up to `at`; days exist in every year here.

        `promises`: the thresholds in minor units, each list from an instant on, the newest last.
        """
        thresholds = [levels for begin, levels in promises if begin <= at][-1]
        begins = at.replace(year=at.year - 1)
        group = self._group(identity)
        spend = sum(amount for owner, when, amount in self.spends if owner in group and begins < when <= at)
        return sum(1 for threshold in thresholds if spend >= threshold) - 1

    def _grant(
        self, identity: str, points: int, at: datetime, available: datetime | None, expires: datetime
    ) -> Batch:
        batch = Batch(len(self.batches), identity, at, expires, available)
        if expires <= self.now:
            place = "expired"
        else:
            place = "pending" if available is not None and available > self.now else "active"
        batch.points = [Point(batch, place) for _ in range(points)]
        self.batches.append(batch)
        return batch

    def _reverse(self, order: Order, count: int) -> None:
        if order.batch is None:
            return
        there = [point for place in ("pending", "active", "expired") for point in order.batch.at(place)]
        for point in there[:count]:
            point.place = "returned"
        order.batch.debts += [Debt(order.batch) for _ in range(count - min(count, len(there)))]

    def _come_back(self, point: Point) -> None:
        """A spent point returns to its lot, where it may be needed for a debt or by whoever paid one."""
        lot = point.lot
        if lot.unpaid():
            lot.debts.remove(lot.unpaid()[0])
            point.place = "gone"
        elif lot.payments:
            debt = lot.payments.pop()
            lot.debts.remove(debt)
            point.place = "gone"
            assert debt.payer is not None
            self._come_back(debt.payer)
        else:
            point.place = "expired" if lot.expires_at <= self.now else "active"

    def _cover(self, identity: str) -> None:
        there = self._spendable(identity)
        for batch in self._ordered(self._group(identity)):
            for debt in batch.unpaid():
                if there:
                    debt.payer = there.pop(0)
                    debt.payer.place = "paid"
                    batch.payments.append(debt)

    def _group(self, identity: str) -> set[str]:
        owner = self.owner.get(identity, identity)
        everyone = {batch.identity for batch in self.batches} | set(self.owner) | {identity, owner}
        everyone |= {order.identity for order in self.orders.values()}
        return {member for member in everyone if self.owner.get(member, member) == owner}

    def _ordered(self, group: set[str]) -> list[Batch]:
        return sorted((b for b in self.batches if b.identity in group), key=lambda b: (b.earned_at, b.key))

    def _spendable(self, identity: str) -> list[Point]:
        group = self._group(identity)
        batches = [batch for batch in self.batches if batch.identity in group]
        batches.sort(key=lambda batch: (batch.expires_at, batch.earned_at, batch.key))
        return [point for batch in batches for point in batch.at("active")]

    def _owed(self, identity: str) -> int:
        group = self._group(identity)
        return sum(len(batch.unpaid()) for batch in self.batches if batch.identity in group)

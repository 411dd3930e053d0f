"""The ledger's decisions against an oracle in which every point is an object (I1, I2, I5, I6)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.earning.refusals import UnitsNotReturnable
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.ledger.domain.wallets import Lot
from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.purchases.domain.facts import Line, Purchase, UnitRange
from tests.loyalty.books import Books
from tests.loyalty.oracle import FAR, Oracle

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
IDENTITIES = "abc"


class Run:
    """Random operations on both books, compared after every one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.books = Books(START, IDENTITIES)
        self.oracle = Oracle()
        self.oracle.now = START
        self.left: dict[str, list[UnitRange]] = {}

    def step(self) -> None:
        operations = (self.buy, self.buy, self.spend, self.spend, self.send_back, self.send_back, self.give)
        self.random.choice((*operations, self.move, self.wait))()
        self.oracle.sweep(self.books.now)
        self.books.end(self.books.begin())
        self.compare()

    def buy(self) -> None:
        chance = self.random
        order_id, identity = f"o{len(self.left)}", chance.choice(IDENTITIES)
        lines = tuple(
            Line(chance.randint(1, 4), chance.randint(0, 1500)) for _ in range(chance.randint(1, 3))
        )
        at = self.books.now - timedelta(hours=chance.choice((0, 0, 1, 30, 400)))
        available_at = at + timedelta(hours=48) if chance.random() < 0.3 else None
        expires_at = at + timedelta(hours=chance.choice((60, 100, 300))) if chance.random() < 0.6 else None
        amount = sum(line.amount_minor for line in lines)
        purchase = Purchase(order_id, identity, identity, "s", order_id, at, "CNY", amount, lines)
        self.books.purchase(purchase, available_at, expires_at)
        plain = [(line.quantity, line.amount_minor) for line in lines]
        self.oracle.sweep(self.books.now)
        self.oracle.purchase(identity, order_id, plain, at, available_at, expires_at or FAR)
        units = [UnitRange(n, u, u) for n, line in enumerate(lines, 1) for u in range(1, line.quantity + 1)]
        chance.shuffle(units)
        self.left[order_id] = units

    def spend(self) -> None:
        chance = self.random
        identity, points = chance.choice(IDENTITIES), chance.randint(1, 25)
        order_id = chance.choice([*self.left, ""])
        lines = self.books.purchases[order_id][0].lines if order_id and chance.random() < 0.8 else ()
        self.oracle.sweep(self.books.now)
        plain = [(line.quantity, line.amount_minor) for line in lines]
        taken = self.oracle.spend(identity, points, order_id, plain or None)
        if taken is None:
            with pytest.raises(InsufficientPoints):
                self.books.spend(identity, points, order_id, lines)
        else:
            self.books.spend(identity, points, order_id, lines)

    def send_back(self) -> None:
        open_orders = [order_id for order_id, units in self.left.items() if units]
        if not open_orders:
            return
        order_id = self.random.choice(open_orders)
        size = self.random.randint(1, len(self.left[order_id]))
        units, self.left[order_id] = self.left[order_id][:size], self.left[order_id][size:]
        self.oracle.sweep(self.books.now)
        self.books.take_back(order_id, sorted(units))
        # One unit after the other, in line order, as the ranges say.
        self.oracle.take_back(
            order_id, [(taken.line, taken.unit_from, taken.unit_to) for taken in sorted(units)]
        )

    def give(self) -> None:
        identity, points = self.random.choice(IDENTITIES), self.random.randint(1, 20)
        self.oracle.sweep(self.books.now)
        self.books.give(identity, points)
        self.oracle.give(identity, points)

    def move(self) -> None:
        identity, owner = self.random.choice(IDENTITIES), self.random.choice(IDENTITIES)
        if self.books.wallets[identity].owner_id == owner:
            return
        self.oracle.sweep(self.books.now)
        self.books.move(identity, owner)
        self.oracle.move(identity, owner)

    def wait(self) -> None:
        self.books.pass_time(self.random.choice((1, 20, 50, 200)), swept=self.random.random() < 0.5)

    def compare(self) -> None:
        for identity in IDENTITIES:
            balance = self.books.member(identity).balance()
            assert balance.active == self.oracle.active(identity)
            assert balance.pending == self.oracle.count(identity, "pending")
        for lot, batch in zip(
            sorted(self.books.lots().values(), key=lambda lot: lot.id), self.oracle.batches, strict=True
        ):
            seen = (lot.pending, lot.remaining, lot.expired, lot.owed, lot.covered)
            expected = tuple(len(batch.at(place)) for place in ("pending", "active", "expired"))
            assert seen == (*expected, len(batch.unpaid()), len(batch.payments)), f"lot {lot.id}"
        check_lots(self.books)


def check_lots(books: Books) -> None:
    for lot in books.lots().values():
        assert min(lot.pending, lot.remaining, lot.expired, lot.reversed, lot.owed, lot.covered) >= 0
        assert lot.issued - lot.reversed == (
            lot.pending + lot.remaining + lot.held + spent(books, lot) + lot.expired - lot.owed - lot.covered
        )
        assert lot.covered == sum(payment.points for payment in lot.payers)
    for member in books.members.values():
        assert not (member.owes() and member.spendable())


def spent(books: Books, lot: Lot) -> int:
    """What left the lot for good, recomputed from postings."""
    outside = (Account.REDEEMED, Account.ADJUSTED)
    total = 0
    for posting in books.postings:
        if posting.lot_id == lot.id:
            total += posting.points if posting.to_account in outside or posting.to_lot_id else 0
            total -= posting.points if posting.from_account in outside and posting.to_lot_id is None else 0
            if posting.to_lot_id and posting.from_account is Account.DEFICIT:
                total -= posting.points  # a debt moved, not a point
            if posting.to_lot_id and posting.from_account in outside:
                total -= posting.points
        if posting.to_lot_id == lot.id and posting.from_account is Account.DEFICIT:
            total -= posting.points
    return total


@given(st.integers(0, 2**32))
def test_random_operations_give_what_the_oracle_gives(seed: int) -> None:
    run = Run(seed)
    for _ in range(25):
        run.step()


@given(st.integers(0, 2**32))
def test_partial_returns_in_any_order_add_up_to_an_order_that_never_happened(seed: int) -> None:
    chance = random.Random(seed)
    books = Books(START, "a")
    lines = tuple(Line(chance.randint(1, 9), chance.randint(0, 5000)) for _ in range(3))
    amount = sum(line.amount_minor for line in lines)
    earlier = Purchase("p", "a", "a", "s", "p", START, "CNY", 10_000, (Line(1, 10_000),))
    order = Purchase("q", "a", "a", "s", "q", START, "CNY", amount, lines)
    books.purchase(earlier, None, None)
    books.purchase(order, None, None)
    if chance.random() < 0.7:
        books.spend("a", chance.randint(1, 100), "q", lines)
    units = [UnitRange(n, u, u) for n, line in enumerate(lines, 1) for u in range(1, line.quantity + 1)]
    chance.shuffle(units)

    while units:
        size = chance.randint(1, len(units))
        books.take_back("q", units[:size])
        units = units[size:]

    assert books.members["a"].balance().active == 100
    check_lots(books)


def test_a_purchase_that_is_fully_returned_keeps_no_spendable_lot() -> None:
    books = Books(START, "a")
    first = Purchase("p1", "a", "a", "s", "p1", START, "CNY", 1000, (Line(1, 1000),))
    second = Purchase("q", "a", "a", "s", "q", START, "CNY", 1500, (Line(1, 1500),))
    books.purchase(first, None, None)
    books.spend("a", 10, "q", (Line(1, 1500),))
    books.purchase(second, None, None)

    books.take_back("p1", [UnitRange(1, 1, 1)])
    assert books.members["a"].balance().active == 5
    books.take_back("q", [UnitRange(1, 1, 1)])

    assert books.members["a"].balance().active == 0
    assert books.members["a"].spendable() == []
    check_lots(books)


def test_a_return_may_leave_a_deficit_that_blocks_burning_until_it_is_earned_again() -> None:
    books = Books(START, "a")
    lines = (Line(1, 1000),)
    books.purchase(Purchase("p", "a", "a", "s", "p", START, "CNY", 1000, lines), None, None)
    books.spend("a", 8)
    books.take_back("p", [UnitRange(1, 1, 1)])

    assert books.members["a"].balance().active == -8
    with pytest.raises(InsufficientPoints):
        books.spend("a", 1)
    books.purchase(Purchase("q", "a", "a", "s", "q", START, "CNY", 1000, lines), None, None)
    assert books.members["a"].balance().active == 2


def test_an_unmerge_undoes_debts_that_were_paid_across() -> None:
    books = Books(START, "ab")
    books.purchase(Purchase("p", "a", "a", "s", "p", START, "CNY", 1000, (Line(1, 1000),)), None, None)
    books.purchase(Purchase("q", "b", "b", "s", "q", START, "CNY", 3000, (Line(1, 3000),)), None, None)
    books.spend("a", 10)
    books.take_back("p", [UnitRange(1, 1, 1)])

    books.move("a", "b")
    assert books.members["b"].balance().active == 20
    books.move("a", "a")

    assert books.members["b"].balance().active == 30
    assert books.members["a"].balance().active == -10
    check_lots(books)


def test_what_is_past_its_expiry_cannot_be_spent_whether_or_not_a_sweeper_ran() -> None:
    expires_at = START + timedelta(hours=10)
    for swept in (True, False):
        books = Books(START, "a")
        order = Purchase("p", "a", "a", "s", "p", START, "CNY", 1000, (Line(1, 1000),))
        books.purchase(order, None, expires_at)
        books.pass_time(10, swept=swept)
        with pytest.raises(InsufficientPoints):
            books.spend("a", 1)


@pytest.mark.parametrize("units", [(1, 1, 3), (2, 1, 1), (1, 0, 1), (1, 2, 1)])
def test_units_that_were_not_bought_cannot_go_back(units: tuple[int, int, int]) -> None:
    books = Books(START, "a")
    books.purchase(Purchase("p", "a", "a", "s", "p", START, "CNY", 1000, (Line(2, 1000),)), None, None)

    with pytest.raises(UnitsNotReturnable):
        books.take_back("p", [UnitRange(*units)])


def test_units_go_back_once() -> None:
    books = Books(START, "a")
    books.purchase(Purchase("p", "a", "a", "s", "p", START, "CNY", 1000, (Line(2, 1000),)), None, None)
    books.take_back("p", [UnitRange(1, 2, 2)])

    with pytest.raises(UnitsNotReturnable):
        books.take_back("p", [UnitRange(1, 1, 2)])

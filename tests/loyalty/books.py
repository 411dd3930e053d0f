"""The domain driven by hand: a few members in memory, every operation as a use case would call it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from services.loyalty.earning.domain import earning, returning
from services.loyalty.earning.domain.earning import Decision, Outcome, Served
from services.loyalty.earning.domain.rules.grants import Grant
from services.loyalty.ledger.domain import burning, granting, owning, settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, Posting, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, Purchase, UnitRange


class Books:
    """Wallets a, b, c … with everything in memory."""

    def __init__(self, now: datetime, identities: str) -> None:
        self.now = now
        self.ids: Iterator[int] = count(1)
        self.rows: Iterator[int] = count(1)
        self.wallets = {name: Wallet(next(self.ids), name, name, now) for name in identities}
        self.members = {name: Member(name, [wallet], {}, True) for name, wallet in self.wallets.items()}
        self.postings: list[Posting] = []
        self.purchases: dict[str, tuple[Purchase, list[Lot]]] = {}
        self.before: dict[str, list[UnitRange]] = {}
        self.spends: dict[str, list[tuple[str, PostingCause, int, tuple[Line, ...]]]] = {}

    def member(self, identity: str) -> Member:
        return self.members[self.wallets[identity].owner_id]

    def lots(self) -> dict[int, Lot]:
        return {lot.id: lot for member in self.members.values() for lot in member.lots.values()}

    def begin(self) -> Journal:
        journal = Journal(self.now, lambda: next(self.ids))
        for member in self.members.values():
            settling.touch(journal, member)
        return journal

    def end(self, journal: Journal) -> None:
        self.postings += journal.postings

    def purchase(
        self, purchase: Purchase, available_at: datetime | None, expires_at: datetime | None
    ) -> None:
        journal, wallet = self.begin(), self.wallets[purchase.identity_id]
        points = purchase.amount_minor // 100
        grants = (
            [Grant("base", points, purchase.amount_minor, None, available_at, expires_at)] if points else []
        )
        member, known = self.member(purchase.identity_id), set(self.lots())
        cause = PostingCause(CauseKind.PURCHASE, next(self.rows))
        outcome = Outcome.EARNED if grants else Outcome.ZERO
        decision = Decision(purchase, (), outcome, 1)
        served = [Served(grant, grant.points, None, None, None) for grant in grants]
        earning.earn(journal, member, wallet, decision, served, cause)
        self.purchases[purchase.order_id] = (
            purchase,
            [lot for key, lot in self.lots().items() if key not in known],
        )
        self.end(journal)

    def give(self, identity: str, points: int) -> None:
        journal = self.begin()
        cause = PostingCause(CauseKind.REMEDY, next(self.rows))
        wallet = self.wallets[identity]
        granting.grant_points(journal, self.member(identity), wallet, cause, points, "remedy", self.now)
        self.end(journal)

    def spend(self, identity: str, points: int, order_id: str = "", lines: tuple[Line, ...] = ()) -> None:
        journal = self.begin()
        cause = PostingCause(CauseKind.REDEMPTION, next(self.rows))
        burning.burn(journal, self.member(identity), cause, points, Account.REDEEMED, self.now)
        self.end(journal)
        self.spends.setdefault(order_id, []).append((identity, cause, points, lines))

    def take_back(self, order_id: str, units: list[UnitRange]) -> None:
        purchase, lots = self.purchases[order_id]
        returning.check_returnable(purchase.lines, units, self.before.setdefault(order_id, []))
        journal = self.begin()
        cause = PostingCause(CauseKind.RETURN, next(self.rows))
        known = self.lots()
        spends = [
            returning.Spend(
                self.wallets[identity],
                points,
                sum(line.amount_minor for line in lines),
                lines,
                tuple(
                    returning.PointsOfLot(known[p.lot_id], p.points)
                    for p in self.postings
                    if p.cause == spent
                ),
            )
            for identity, spent, points, lines in self.spends.get(order_id, [])
            if lines
        ]
        spends = returning.spent_by(spends, self.wallets[purchase.identity_id])
        members = list(self.members.values())
        falls = [
            returning.PointsOfLot(
                lot, attribution.points_of(lot.issued, lot.base, purchase.lines, units, lot.eligible)
            )
            for lot in lots
        ]
        returning.take_back(journal, members, cause, spends, falls, units, self.now)
        self.before[order_id] += units
        self.end(journal)

    def move(self, identity: str, owner: str) -> None:
        wallet, journal = self.wallets[identity], self.begin()
        cause = PostingCause(CauseKind.OWNERSHIP, next(self.rows))
        version = wallet.ownership_version + 1
        owning.move(journal, self.member(identity), self.members[owner], wallet, version, cause, self.now)
        self.end(journal)

    def pass_time(self, hours: int, *, swept: bool) -> None:
        self.now += timedelta(hours=hours)
        if swept:
            self.end(self.begin())

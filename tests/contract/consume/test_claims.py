"""An anonymous purchase that is claimed ends as if its customer had always been known: in points, tiers and scores.

Two customers buy the same at the same times and bring the same back. One is named at once; of the other the orders are
anonymous and claimed somewhere between the returns. Everything is told in any order and repeated.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.steps.programme import open_programme
from services.loyalty.ledger.storage.tables import lot
from services.loyalty.tiers.queries.find_outlook import find_outlook
from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.purchases.domain.claims import Claim
from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.domain.returns import Return
from services.profile.purchases.refusals import ReceiptNotFound
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.claim_purchase import claim_purchase
from shared.auth.principal import Principal
from shared.errors import DomainError
from shared.events.base import Event
from tests.conftest import SEED
from tests.loyalty.changing import changing_rules
from tests.loyalty.shop import Shop, open_shop
from tests.parts.databases import Kind
from tests.parts.sampling import limit
from tests.profile.running import NOW, Profile, back, open_profile, reported
from tests.scoring.running import Scoring, open_scoring

OPERATOR = Principal("operator", "ana", frozenset({"agent"}))
WORLDS = {"sqlite": limit(4, 40), "postgresql": limit(2, 10)}
ORDERS = 5
DAYS = 500
BATCH = 7


@dataclass(frozen=True, slots=True)
class Order:
    """An order of both customers, and the days ago on which one unit of it each went back."""

    id: str
    days_ago: int
    units: int
    amount_minor: int
    returned_days_ago: Sequence[int]

    def bought(self, customer: str | None) -> Purchase:
        """Return it as one customer's, or as nobody's."""
        line = Line("TEA", self.units, self.amount_minor)
        named = {"external_id": customer} if customer else {}
        return reported(self._name(customer), line, at=NOW - timedelta(days=self.days_ago), **named)

    def returns(self, customer: str | None) -> list[Return]:
        """Return its returns as one customer's, or as nobody's."""
        name = self._name(customer)
        return [
            back(f"{name} R{number}", name, at=NOW - timedelta(days=days))
            for number, days in enumerate(self.returned_days_ago)
        ]

    def claim(self, customer: str) -> Claim:
        """Return the claim of nobody's."""
        named = NamedCustomer(None, GivenIdentifiers(external_id=customer))
        return Claim("web", self._name(None), named, self.amount_minor, None)

    def _name(self, customer: str | None) -> str:
        return f"{self.id} {'known' if customer else 'anonymous'}"


def order_of(rng: random.Random, name: str) -> Order:
    days_ago, units = rng.randrange(DAYS), rng.randint(1, 3)
    returned = [rng.randrange(days_ago + 1) for _ in range(rng.randint(0, units))]
    return Order(name, days_ago, units, rng.randrange(1_000, 80_000), returned)


async def claim(profile: Profile, claimed: Claim) -> PurchaseRecord | None:
    """Claim a purchase; None if it is not recorded yet."""
    async with profile.database.begin() as tx:
        try:
            return await claim_purchase(tx, profile.context, claimed, caller=OPERATOR)
        except ReceiptNotFound:
            return None


async def live(profile: Profile, rng: random.Random, name: str) -> tuple[str, str]:
    """Let a world happen in any order, and return its customers: the one that was known, and the one that claimed."""
    known, late = f"{name} known", f"{name} late"
    orders = [order_of(rng, f"{name} {number}") for number in range(ORDERS)]
    acts: list[Purchase | Return | Claim] = []
    for order in orders:
        acts += [order.bought(known), order.bought(None), order.claim(late)]
        acts += [*order.returns(known), *order.returns(None)]
    acts += rng.choices(acts, k=len(acts))
    rng.shuffle(acts)
    for act in (*acts, *(order.claim(late) for order in orders)):
        if isinstance(act, Purchase):
            assert isinstance((await profile.buy(act))[0], PurchaseRecord)
        elif isinstance(act, Return):
            assert not isinstance((await profile.give_back(act))[0], DomainError)
        else:
            await claim(profile, act)
    (first,) = await profile.buy(orders[0].bought(known))
    claimed = await claim(profile, orders[0].claim(late))
    assert isinstance(first, PurchaseRecord)
    assert claimed is not None
    return first.holder, claimed.holder


async def books(shop: Shop, scoring: Scoring, identity_id: str) -> dict[str, Any]:
    """Return what loyalty and scoring hold of a customer, without ids."""
    async with shop.database.read() as read:
        found = await find_member(read, identity_id, shop.clock.now())
        outlook = await find_outlook(read, found, shop.clock.now())
    lots = await shop.rows(lot, lot.c.identity_id == identity_id)
    scores = (await scoring.operator().get(f"/v1/customers/{identity_id}/scores")).json()
    return {
        "points": found.member.balance(),
        "tier": (outlook.standing.tier, outlook.rise, outlook.stay),
        "lots": Counter(
            (row.earned_at, row.available_at, row.expires_at, row.issued, row.reversed) for row in lots
        ),
        "scores": {name: value for name, value in scores.items() if name != "customer_id"},
    }


@pytest.mark.both_databases
async def test_a_claimed_purchase_counts_as_if_always_known(kind: Kind, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    for folder in ("profile", "loyalty", "scoring"):
        (tmp_path / folder).mkdir()
    async with (
        open_profile(kind, tmp_path / "profile") as profile,
        open_shop(kind, tmp_path / "loyalty") as shop,
        open_scoring(kind, tmp_path / "scoring") as scoring,
    ):
        shop.clock.set(NOW)
        async with shop.database.begin() as tx:
            await open_programme(tx, shop.runtime.context)
            for rulebook in changing_rules():
                await rulebooks.add(tx, rulebook)
        worlds = [await live(profile, rng, f"world {number}") for number in range(WORLDS[kind])]
        assert await profile.drift() == []
        told: list[Event] = await profile.events()
        for service in (shop, scoring):
            again = [*told, *rng.sample(told, k=len(told) // 2)]
            rng.shuffle(again)
            for start in range(0, len(again), BATCH):
                outcome = await service.consume(*again[start : start + BATCH])
                assert outcome.dead == 0
            assert list(await service.drift()) == []
        for known, late in worlds:
            assert await books(shop, scoring, late) == await books(shop, scoring, known)

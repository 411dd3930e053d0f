"""A refused purchase of a batch leaves nothing: the others are answered as if each had come alone, one after the other."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.storage.tables import identifier, identity
from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases import record_purchases as intake
from services.profile.purchases.usecases.record_purchases import Outcome
from shared.errors import DomainError
from shared.events.profile import CustomerRegistered
from shared.limits import CUSTOMER_AMOUNT_MAX, LINE_AMOUNT_MAX, ORDER_AMOUNT_MAX
from tests.parts.sampling import limit
from tests.profile.running import Profile, open_profile, reported

LARGEST = [Line("GOLD", 1, LINE_AMOUNT_MAX)] * (ORDER_AMOUNT_MAX // LINE_AMOUNT_MAX)
"""The lines of the largest order."""
PHONES = ["13800138001", "13800138002"]
EMAILS = ["ana@example.com", "bo@example.com"]


async def fill(profile: Profile, external_id: str, issuer: str = "shop") -> str:
    """Give a customer all that the purchases of one may add up to, and return the customer's identity."""
    orders = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    outcomes = await profile.buy(
        *(reported(f"{external_id} {number}", *LARGEST, external_id=external_id) for number in range(orders)),
        issuer=issuer,
    )
    records = [outcome for outcome in outcomes if isinstance(outcome, PurchaseRecord)]
    assert len(records) == orders
    return records[0].holder


def codes(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.code if isinstance(outcome, DomainError) else "recorded" for outcome in outcomes]


@pytest.mark.both_databases
async def test_a_refused_purchase_attaches_no_identifier(profile: Profile) -> None:
    full = await fill(profile, "BIG")
    before = await profile.count(identifier)
    refused = reported("X", *LARGEST, external_id="BIG", phone=PHONES[0], email=EMAILS[0])
    assert codes(await profile.buy(refused)) == ["customer_total_too_large"]
    assert await profile.count(identifier) == before
    outcomes = await profile.buy(refused, reported("Y", phone=PHONES[0]), reported("Z", email=EMAILS[0]))
    assert codes(outcomes) == ["customer_total_too_large", "recorded", "recorded"]
    holders = {outcome.holder for outcome in outcomes if isinstance(outcome, PurchaseRecord)}
    assert len(holders) == 2
    assert full not in holders
    assert await profile.drift() == []


@pytest.mark.both_databases
async def test_a_refused_purchase_keeps_no_contested_identifier(profile: Profile) -> None:
    full = await fill(profile, "BIG")
    await profile.buy(reported("1", phone=PHONES[0]))
    outcomes = await profile.buy(reported("X", *LARGEST, external_id="BIG", phone=PHONES[0]))
    assert codes(outcomes) == ["customer_total_too_large"]
    assert await profile.count(identifier, identifier.c.identity_id == full) == 1


@pytest.mark.both_databases
async def test_an_order_is_recorded_with_its_next_customer_after_a_refused_one(profile: Profile) -> None:
    await fill(profile, "BIG")
    full = reported("X", *LARGEST, external_id="BIG")
    outcomes = await profile.buy(full, reported("X", external_id="C-2"), full, reported("X"))
    assert codes(outcomes) == ["customer_total_too_large", "recorded", "order_conflict", "order_conflict"]
    anonymous = await profile.buy(reported("Y", *LARGEST, external_id="BIG"), reported("Y"))
    assert codes(anonymous) == ["customer_total_too_large", "recorded"]


async def test_a_new_customer_of_a_batch_has_the_same_limit(profile: Profile) -> None:
    orders = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    batch = [reported(f"{number}", *LARGEST, external_id="NEW") for number in range(orders + 1)]
    over = reported("X", *LARGEST, external_id="NEW", phone=PHONES[0])
    outcomes = await profile.buy(*batch, over, reported("Y", phone=PHONES[0]))
    assert codes(outcomes) == ["recorded"] * orders + ["customer_total_too_large"] * 2 + ["recorded"]
    assert await profile.count(identity) == 2


def some_purchase(draw: random.Random) -> Purchase:
    """Return a purchase of one of few orders by one of few customers, large or small, sometimes dated impossibly."""
    named = {
        "external_id": draw.choice([None, "BIG", "C-1", "C-2"]),
        "phone": draw.choice([None, *PHONES, "12"]),
        "email": draw.choice([None, *EMAILS]),
    }
    lines = draw.choice([[Line("TEA", 1, 100)], LARGEST, LARGEST, [*LARGEST, Line("TEA", 1, 1)]])
    order, unknown_id = f"{draw.randrange(8)}", draw.choice([None] * 7 + ["nonsense"])
    customer = (
        NamedCustomer(unknown_id, GivenIdentifiers(**named)) if unknown_id or any(named.values()) else None
    )
    return replace(reported(order, *lines), customer=customer)


def seen(outcomes: Sequence[Outcome]) -> list[object]:
    """Return what outcomes say, with the identities numbered as they appear."""
    numbers: dict[str | None, int] = {}
    return [
        (outcome.code, [error.pointer for error in outcome.errors])
        if isinstance(outcome, DomainError)
        else (numbers.setdefault(outcome.identity_id, len(numbers)), outcome.unattached, outcome.order_id)
        for outcome in outcomes
    ]


@pytest.mark.both_databases
async def test_a_batch_is_answered_as_its_purchases_would_be_alone(profile: Profile) -> None:
    refused = 0
    for seed in range(limit(5, 12)):
        draw = random.Random(seed)
        batch = [some_purchase(draw) for _ in range(16)]
        together, alone = f"partner:t{seed}", f"partner:a{seed}"
        for issuer in (together, alone):
            await fill(profile, "BIG", issuer)
        registered = len(
            [event for event in await profile.published() if isinstance(event, CustomerRegistered)]
        )
        outcomes = await profile.buy(*batch, issuer=together)
        one_by_one = [(await profile.buy(purchase, issuer=alone))[0] for purchase in batch]
        assert seen(outcomes) == seen(one_by_one), f"seed {seed}"
        refused += codes(outcomes).count("customer_total_too_large")
        rows = [
            await profile.count(table, table.c.issuer == issuer)
            for issuer in (together, alone)
            for table in (identity, identifier)
        ]
        assert rows[:2] == rows[2:], f"seed {seed}"
        events = [event for event in await profile.published() if isinstance(event, CustomerRegistered)]
        assert len(events) - registered == 2 * (rows[0] - 1), f"seed {seed}"
    assert refused > 0
    assert await profile.drift() == []


@pytest.mark.postgresql
async def test_a_large_order_is_judged_again_when_its_phone_was_given_away_meanwhile(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        full = await fill(profile, "BIG")
        async with profile.database.begin() as first:
            given = [reported("1", external_id="BIG", phone=PHONES[0])]
            await intake.record_purchases(first, profile.context, given, issuer="shop")
            batch = [
                reported("2", *LARGEST, phone=PHONES[0], email=EMAILS[0]),
                reported("3", email=EMAILS[0]),
            ]
            second = asyncio.create_task(profile.buy(*batch))
            assert await profile.blocked(second)
        outcomes = await second
        assert codes(outcomes) == ["customer_total_too_large", "recorded"]
        assert [outcome.holder == full for outcome in outcomes if isinstance(outcome, PurchaseRecord)] == [
            False
        ]
        assert await profile.drift() == []

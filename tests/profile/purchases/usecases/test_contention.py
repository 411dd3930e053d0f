"""Many transactions at once meet at unique indexes and buckets, and what comes out is as if they had come in turn."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from services.profile.people.storage import identifiers as rows
from services.profile.people.storage.tables import IdentifierRecord, identifier, identity
from services.profile.purchases.domain.purchases import Purchase
from services.profile.purchases.storage import tables
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases import record_purchases as intake
from shared.db import failures, locks
from shared.events.profile import CustomerRegistered, PurchaseRecorded
from tests.profile.running import NOW, Profile, erase, open_profile, reported

BUYER: dict[str, Any] = {"external_id": "C-1", "phone": "13800138001", "email": "ana@example.com"}


async def all_at_once(profile: Profile, batches: Sequence[Sequence[Purchase]]) -> list[PurchaseRecord]:
    """Record each batch in a task of its own; every purchase must be recorded."""
    outcomes = await asyncio.gather(*(profile.buy(*batch) for batch in batches))
    flat = [outcome for batch in outcomes for outcome in batch]
    assert all(isinstance(outcome, PurchaseRecord) for outcome in flat), [
        outcome for outcome in flat if not isinstance(outcome, PurchaseRecord)
    ][:3]
    return [outcome for outcome in flat if isinstance(outcome, PurchaseRecord)]


async def test_fifty_first_purchases_of_one_buyer_make_one_customer(profile: Profile) -> None:
    found = await all_at_once(profile, [[reported(str(number), **BUYER)] for number in range(50)])
    assert len({purchase.identity_id for purchase in found}) == 1
    assert await profile.count(identity) == 1
    assert await profile.count(identifier) == 3
    events = Counter(type(event) for event in await profile.published())
    assert events == {CustomerRegistered: 1, PurchaseRecorded: 50}
    assert await profile.drift() == []


async def test_mixed_subsets_of_one_buyer_report_every_surplus(
    profile: Profile, seeded: random.Random
) -> None:
    batches = []
    for number in range(50):
        kinds = seeded.sample(sorted(BUYER), seeded.randint(1, 3))
        batches.append([reported(str(number), **{kind: BUYER[kind] for kind in kinds})])
    found = await all_at_once(profile, batches)
    made = await profile.count(identity)
    assert 1 <= made <= 3
    async with profile.database.read() as read:
        held = dict(
            await read.all(
                select(identifier.c.kind, identifier.c.identity_id).where(identifier.c.state == "resolving")
            )
        )
    for (purchase,), answer in zip(batches, found, strict=True):
        assert purchase.customer is not None
        given = {kind for kind in BUYER if getattr(purchase.customer.identifiers, kind) is not None}
        surplus = {kind for kind in given if held[kind] != answer.identity_id}
        assert surplus == set(answer.unattached)
    contested = await profile.count(identifier, identifier.c.state == "contested")
    assert contested == len(
        {(purchase.identity_id, kind) for purchase in found for kind in purchase.unattached}
    )
    assert await profile.drift() == []


async def test_one_order_told_fifty_times_at_once_is_recorded_once(profile: Profile) -> None:
    found = await all_at_once(profile, [[reported("1", **BUYER)] for _ in range(50)])
    assert len({purchase.purchase_id for purchase in found}) == 1
    assert await profile.count(tables.purchase) == 1
    assert len(await profile.published()) == 2


async def test_one_order_of_a_known_buyer_told_at_once_is_recorded_once(profile: Profile) -> None:
    await profile.buy(reported("0", **BUYER))
    found = await all_at_once(
        profile, [[reported("1", **BUYER), reported(f"x{number}", **BUYER)] for number in range(20)]
    )
    assert len({purchase.purchase_id for purchase in found if purchase.order_id == "1"}) == 1
    assert await profile.count(tables.purchase) == 22
    assert await profile.drift() == []


async def test_parallel_batches_over_the_same_unknown_buyers_do_not_deadlock(
    profile: Profile, seeded: random.Random
) -> None:
    people: list[dict[str, Any]] = [
        {"external_id": f"C-{number}", "phone": f"138{number:08d}", "email": f"c{number}@example.com"}
        for number in range(60)
    ]
    batches = []
    for batch in range(8):
        order = seeded.sample(people, len(people))
        batches.append(
            [
                reported(
                    f"{batch}-{number}", **dict(seeded.sample(sorted(who.items()), seeded.randint(1, 3)))
                )
                for number, who in enumerate(order)
            ]
        )
    found = await all_at_once(profile, batches)
    assert len(found) == 8 * 60
    assert await profile.drift() == []
    events = Counter(type(event) for event in await profile.published())
    assert events[CustomerRegistered] == await profile.count(identity)
    async with profile.database.read() as read:
        strangers = await read.scalar(
            select(func.count())
            .select_from(identifier)
            .where(identifier.c.identity_id.not_in(select(identity.c.identity_id)))
        )
    assert strangers == 0


def claims_of(profile: Profile, claimant: str, numbers: Sequence[int]) -> list[IdentifierRecord]:
    """Make records that claim some phone numbers."""
    phones = [f"+86138{number:08d}" for number in numbers]
    return [
        IdentifierRecord(
            identity_id=claimant,
            kind="phone",
            issuer="",
            blind_key=1,
            blind_index=profile.vault.index("phone", "", phone),
            sealed=b"x",
            state="resolving",
            record_id="rec_1",
            seen_at=NOW,
            booked_at=NOW,
        )
        for phone in phones
    ]


async def in_two_steps(
    profile: Profile, first: IdentifierRecord, second: IdentifierRecord, gate: asyncio.Barrier
) -> None:
    async with profile.database.begin() as tx:
        await tx.insert_new_records(identifier, [first])
        await gate.wait()
        await tx.insert_new_records(identifier, [second])


@pytest.mark.postgresql
async def test_claims_in_opposite_order_deadlock_and_sorted_ones_do_not(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        ana, bo = claims_of(profile, "a", [1, 2]), claims_of(profile, "b", [1, 2])
        gate = asyncio.Barrier(2)
        outcomes = await asyncio.gather(
            in_two_steps(profile, ana[0], ana[1], gate),
            in_two_steps(profile, bo[1], bo[0], gate),
            return_exceptions=True,
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(refused) == 1  # the control: one of the two is the victim
        assert failures.is_lost_race(refused[0])

        async def claim_all(who: str) -> int:
            async with profile.database.begin() as tx:
                mine = claims_of(profile, who, range(100, 300))
                random.Random(who).shuffle(mine)
                return len(await rows.claim(tx, mine))

        won = await asyncio.gather(*(claim_all(f"c{number}") for number in range(8)))
        assert sum(won) == 200


@pytest.mark.postgresql
async def test_a_lost_claim_is_decided_again_in_the_same_transaction(tmp_path: Path) -> None:
    """One transaction holds a phone uncommitted; another wants it for a new customer, waits, and finds it taken."""
    async with open_profile("postgresql", tmp_path) as profile:
        async with profile.database.begin() as first:
            mine = await intake.record_purchases(
                first, profile.context, [reported("1", phone="13800138001")], issuer="shop"
            )
            others = [
                reported("2", external_id="KID", phone="13800138001"),
                reported("3", phone="13800138001", email="ana@example.com"),
            ]
            second = asyncio.create_task(profile.buy(*others))
            assert await profile.blocked(second)
        kid, mum = await second
        (held,) = mine
        assert isinstance(held, PurchaseRecord)
        assert isinstance(kid, PurchaseRecord)
        assert isinstance(mum, PurchaseRecord)
        assert mum.identity_id == held.identity_id != kid.identity_id
        assert list(kid.unattached) == ["phone"]
        async with profile.database.read() as read:
            holder = await read.scalar(select(identifier.c.identity_id).where(identifier.c.kind == "email"))
        assert holder == held.identity_id
        assert await profile.drift() == []


@pytest.mark.postgresql
async def test_intake_waits_for_an_erasure_and_then_sees_it(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        (known,) = await profile.buy(reported("1", phone="13800138001"))
        assert isinstance(known, PurchaseRecord)
        async with profile.database.begin() as erasing:
            await locks.identities(erasing, [known.holder], exclusive=True)
            intake_task = asyncio.create_task(profile.buy(reported("2", phone="13800138001")))
            assert await profile.blocked(intake_task)
            await erase(erasing, profile.vault, known.holder)
        (again,) = await intake_task
        assert isinstance(again, PurchaseRecord)
        assert again.identity_id != known.identity_id
        assert await profile.drift() == []

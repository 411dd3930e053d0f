"""A purchase is recorded once, for the identity that its strongest given identifier names."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import GivenIdentifiers
from services.profile.people.storage.tables import customer_value, identifier, identity, source_record
from services.profile.people.usecases.register_customer import register_customer
from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.storage import tables
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.record_purchases import Outcome
from shared.errors import DomainError
from shared.events.profile import CustomerRegistered, PurchaseRecorded
from shared.ids import new_id
from shared.vault import subject_key
from tests.profile.running import NOW, Profile, reported


def stored(outcome: Outcome) -> PurchaseRecord:
    assert isinstance(outcome, PurchaseRecord), outcome
    return outcome


def refused(outcome: Outcome) -> DomainError:
    assert isinstance(outcome, DomainError), outcome
    return outcome


async def test_an_unknown_buyer_is_registered_and_the_purchase_told(profile: Profile) -> None:
    line = Line("TEA", 2, 500, "tea", "b", "for Ana")
    (bought,) = map(stored, await profile.buy(reported("1", line, external_id="C-1", phone="13800138001")))
    registered, recorded = await profile.published()
    assert isinstance(registered, CustomerRegistered)
    assert isinstance(recorded, PurchaseRecorded)
    assert registered.identity_id == registered.customer_id == recorded.identity_id == bought.identity_id
    assert registered.references == (profile.vault.reference("shop", "C-1"),)
    assert (recorded.purchase_id, recorded.amount_minor, recorded.occurred_at) == (
        bought.purchase_id,
        500,
        NOW,
    )
    assert recorded.lines[0].model_dump() == {
        "line": 1, "sku": "TEA", "quantity": 2, "amount_minor": 500, "category": "tea", "brand": "b",
    }  # fmt: skip
    assert await profile.drift() == []


async def test_the_same_buyer_is_found_by_any_identifier(profile: Profile) -> None:
    first = reported("1", external_id="C-1", phone="138 0013 8001", email="Ana@Example.com")
    again = [
        reported("2", external_id="C-1"),
        reported("3", phone="+8613800138001"),
        reported("4", email="ana@example.com"),
    ]
    (bought,) = map(stored, await profile.buy(first))
    found = [stored(outcome) for outcome in await profile.buy(*again)]
    by_id = await profile.buy(reported("5", id=bought.customer_id))
    assert {purchase.identity_id for purchase in [*found, stored(by_id[0])]} == {bought.identity_id}
    assert len([event for event in await profile.published() if isinstance(event, CustomerRegistered)]) == 1


async def test_a_known_buyer_gains_the_identifiers_that_are_nobodys(profile: Profile) -> None:
    (first,) = map(stored, await profile.buy(reported("1", external_id="C-1")))
    await profile.buy(reported("2", external_id="C-1", phone="13800138001"))
    (third,) = map(stored, await profile.buy(reported("3", phone="13800138001")))
    assert third.identity_id == first.identity_id


async def test_an_unknown_external_id_beside_a_known_phone_is_a_new_customer(profile: Profile) -> None:
    (mum,) = map(stored, await profile.buy(reported("1", external_id="MUM", phone="13800138001")))
    (kid,) = map(stored, await profile.buy(reported("2", external_id="KID", phone="13800138001")))
    (later,) = map(stored, await profile.buy(reported("3", phone="13800138001")))
    assert kid.identity_id != mum.identity_id == later.identity_id
    assert list(kid.unattached) == ["phone"]
    assert list(mum.unattached) == list(later.unattached) == []
    contested = (identifier.c.state == "contested", identifier.c.identity_id == kid.identity_id)
    assert await profile.count(identifier, *contested) == 1
    await profile.buy(reported("4", external_id="KID", phone="13800138001"))
    assert await profile.count(identifier, *contested) == 1


async def test_external_ids_are_unique_within_their_issuer(profile: Profile) -> None:
    (ours,) = map(stored, await profile.buy(reported("1", external_id="C-1")))
    (theirs,) = map(stored, await profile.buy(reported("2", external_id="C-1"), issuer="partner:p"))
    assert ours.identity_id != theirs.identity_id


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(profile: Profile) -> None:
    purchase = reported("1", external_id="C-1", phone="13800138001")
    (first,) = await profile.buy(purchase)
    events = len(await profile.published())
    profile.clock.advance(timedelta(days=3))
    same = reported("1", external_id="C-1", phone="+86 138 0013 8001")
    repeats = [*await profile.buy(purchase), *await profile.buy(same, purchase)]
    assert repeats == [first] * 3
    assert len(await profile.published()) == events
    assert await profile.count(tables.purchase) == 1


async def test_the_first_answer_stays_after_a_merge(profile: Profile) -> None:
    purchase = reported("1", phone="13800138001")
    (first,) = map(stored, await profile.buy(purchase))
    (other,) = map(stored, await profile.buy(reported("2", phone="13800138002")))
    await merge(profile, loser=first.holder, survivor=other.holder)
    assert await profile.buy(purchase) == [first]


async def test_other_content_is_a_conflict_that_names_the_fields(profile: Profile) -> None:
    purchase = reported("1", Line("TEA", 3, 1000, name="a"), external_id="C-1")
    await profile.buy(purchase)
    other = reported(
        "1", Line("TEA", 2, 1000, name="b"), external_id="C-2", at=NOW - timedelta(hours=1), channel="app"
    )
    refusal = refused((await profile.buy(other))[0])
    assert refusal.code == "order_conflict"
    assert refusal.extra["fields"] == ["purchased_at", "channel", "lines", "customer"]
    assert [error.pointer for error in refusal.errors] == [
        "/purchased_at", "/channel", "/lines/0/quantity", "/lines/0/name", "/customer",
    ]  # fmt: skip
    assert await profile.count(identity) == 1


async def test_in_one_batch_the_second_telling_is_a_repeat_or_a_conflict(profile: Profile) -> None:
    purchase = reported("1", external_id="C-1")
    outcomes = await profile.buy(
        purchase, purchase, reported("1", external_id="C-2"), reported("2", external_id="C-2")
    )
    assert outcomes[0] == outcomes[1]
    assert refused(outcomes[2]).code == "order_conflict"
    assert stored(outcomes[3]).order_id == "2"
    assert await profile.count(identity) == 2


async def test_what_is_refused_leaves_its_neighbours_alone(profile: Profile) -> None:
    broken = [
        reported("1", id=new_id("cus")),
        reported("2", id="nonsense"),
        reported("3", phone="12"),
        reported("4", email="nobody"),
        reported("5", external_id="C-1", at=NOW + timedelta(hours=24, seconds=1)),
        replace(reported("6", external_id="C-1"), currency="XXX"),
    ]
    fine = reported("7", external_id="C-9", at=NOW + timedelta(hours=24))
    outcomes = await profile.buy(*broken, fine)
    assert [(refused(outcome).code, refused(outcome).errors[0].pointer) for outcome in outcomes[:-1]] == [
        ("unknown_customer", "/customer/id"),
        ("unknown_customer", "/customer/id"),
        ("phone_invalid", "/customer/phone"),
        ("email_invalid", "/customer/email"),
        ("in_the_future", "/purchased_at"),
        ("unknown_currency", "/currency"),
    ]
    assert stored(outcomes[-1]).order_id == "7"
    assert (await profile.count(tables.purchase), await profile.count(identity)) == (1, 1)


async def merge(profile: Profile, *, loser: str, survivor: str) -> None:
    """Change an owner by hand, as a merge will."""
    async with profile.database.begin() as tx:
        await tx.execute(
            update(identity)
            .where(identity.c.identity_id == loser)
            .values(owner_id=survivor, ownership_version=1)
        )


async def test_facts_keep_the_named_identity_after_a_merge(profile: Profile) -> None:
    a, b = map(stored, await profile.buy(reported("1", external_id="A"), reported("2", phone="13800138002")))
    await merge(profile, loser=b.holder, survivor=a.holder)
    outcomes = await profile.buy(
        reported("3", id=a.identity_id),
        reported("4", id=b.identity_id),
        reported("5", phone="13800138002"),
        reported("6", phone="13800138002", email="new@example.com"),
        reported("7", external_id="A", phone="13800138002"),
        reported("8", external_id="NEW", phone="13800138002"),
    )
    found = [stored(outcome) for outcome in outcomes]
    assert [purchase.identity_id for purchase in found[:5]] == [
        a.identity_id,
        *[b.identity_id] * 3,
        a.identity_id,
    ]
    assert {purchase.customer_id for purchase in found[:5]} == {a.identity_id}
    assert (
        list(found[4].unattached) == []
    )  # the phone is the same customer's: contested, and nothing to report
    assert (found[5].customer_id, list(found[5].unattached)) == (found[5].identity_id, ["phone"])
    async with profile.database.read() as read:
        holder = await read.scalar(select(identifier.c.identity_id).where(identifier.c.kind == "email"))
    assert holder == b.identity_id
    events = [event for event in await profile.published() if isinstance(event, PurchaseRecorded)]
    assert [(event.identity_id, event.customer_id) for event in events[2:]] == [
        (purchase.identity_id, purchase.customer_id) for purchase in found
    ]


async def test_an_erased_customer_is_not_found_and_comes_back_as_a_new_one(profile: Profile) -> None:
    purchase = reported("1", Line("CUP", 1, 900, name="for Ana"), phone="13800138001")
    (first,) = map(stored, await profile.buy(purchase))
    await profile.erase(first.holder)
    by_id, by_phone = await profile.buy(
        reported("2", id=first.identity_id), reported("3", phone="13800138001")
    )
    assert refused(by_id).code == "customer_erased"
    assert stored(by_phone).identity_id != first.identity_id
    assert stored((await profile.buy(purchase))[0]).purchase_id == first.purchase_id
    assert await profile.drift() == []


async def test_a_freed_identifier_goes_to_whoever_gives_it_next(profile: Profile) -> None:
    mum, kid = map(
        stored,
        await profile.buy(
            reported("1", external_id="MUM", phone="13800138001"),
            reported("2", external_id="KID", phone="13800138001"),
        ),
    )
    await profile.erase(mum.holder)
    (again,) = map(stored, await profile.buy(reported("3", external_id="KID", phone="13800138001")))
    (by_phone,) = map(stored, await profile.buy(reported("4", phone="13800138001")))
    assert again.identity_id == by_phone.identity_id == kid.identity_id
    assert list(again.unattached) == []


async def test_names_of_lines_are_sealed_under_their_buyers_own_key(profile: Profile) -> None:
    a, b = map(
        stored,
        await profile.buy(
            reported("1", Line("CUP", 1, 1, name="for Ana"), phone="13800138001"),
            reported("2", phone="13800138002"),
        ),
    )
    async with profile.database.read() as read:
        token = await read.scalar(
            select(tables.purchase_line.c.name).where(tables.purchase_line.c.purchase_id == a.purchase_id)
        )
        keys = await profile.vault.keys(read, [a.holder, b.holder])
    assert token is not None
    assert b"Ana" not in token
    assert keys.open(a.holder, "purchase_line.name", token) == "for Ana"


async def test_every_identity_gets_a_key_of_its_own_and_nobody_else_one(profile: Profile) -> None:
    await profile.buy(*(reported(str(number), phone=f"1380013800{number % 5}") for number in range(10)))
    assert await profile.count(identity) == await profile.count(subject_key) == 5


async def test_registering_attaches_and_keeps_what_was_told_once(profile: Profile) -> None:
    async def register(**changes: str | None) -> tuple[str, bool, tuple[str, ...]]:
        spelled = GivenIdentifiers(
            **{"external_id": "C-1", **{k: v for k, v in changes.items() if k != "name"}}
        )
        async with profile.database.begin() as tx:
            resolved = await register_customer(
                tx,
                profile.context,
                NamedCustomer(None, spelled),
                name=changes.get("name"),
                source=None,
                issuer="shop",
            )
        return resolved.identity_id, resolved.is_new, resolved.unattached

    await profile.buy(reported("1", phone="13800138009"))
    first = await register(name="Ana Li")
    again = await register(name="Ana Li")
    more = await register(name="Ana Li", email="ana@example.com", phone="13800138009")
    assert [first[1], again[1], more[1]] == [True, False, False]
    assert first[0] == again[0] == more[0]
    assert more[2] == ("phone",)
    assert (await profile.count(source_record), await profile.count(customer_value)) == (2, 1)


@pytest.mark.parametrize("size", [1, 500])
async def test_the_loop_gets_a_turn_while_a_batch_is_prepared(profile: Profile, size: int) -> None:
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    await profile.buy(*(reported(str(number), phone=f"138{number:08d}") for number in range(size)))
    ticking.cancel()
    assert turns >= 3 * size // 25

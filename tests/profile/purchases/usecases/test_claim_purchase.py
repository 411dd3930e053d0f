"""An anonymous purchase is nobody's, then its customer's: with everything that happened to it meanwhile."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.refusals import CustomerTotalTooLarge, ReceiptTaken
from services.profile.purchases.storage import tables
from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases import record_purchases as intake
from shared.auth.principal import Principal
from shared.db import locks
from shared.errors import DomainError
from shared.events.base import Event
from shared.events.profile import CustomerRegistered, PurchaseRecorded, PurchaseReturned
from shared.ids import new_id
from shared.limits import LINE_AMOUNT_MAX
from tests.profile.purchases.usecases.test_record_purchases import merge
from tests.profile.running import NOW, Profile, back, open_profile, reported

OPERATOR = Principal("operator", "ana", frozenset({"agent"}))


def stored(outcome: intake.Outcome) -> PurchaseRecord:
    assert isinstance(outcome, PurchaseRecord), outcome
    return outcome


def by(identity_id: str) -> Principal:
    return Principal("customer", identity_id)


def told(events: list[Event]) -> list[str]:
    """What facts say, but for their own ids and times of recording."""
    dropped = {"purchase_id", "return_id", "cause", "order_id", "identity_id", "customer_id"}
    return [
        f"{event.type} {event.model_dump_json(exclude=dropped)}"
        for event in events
        if isinstance(event, PurchaseRecorded | PurchaseReturned)
    ]


async def customers(profile: Profile, *names: str) -> list[str]:
    """Make customers by purchases of their own."""
    bought = await profile.buy(*(reported(f"of {name}", external_id=name) for name in names))
    return [stored(outcome).holder for outcome in bought]


async def test_an_anonymous_purchase_belongs_to_nobody_and_tells_nobody(profile: Profile) -> None:
    (first,) = await profile.buy(reported("1", Line("CUP", 2, 900, name="for Ana")))
    (again,) = await profile.buy(reported("1", Line("CUP", 2, 900, name="for Ana")))
    (misnamed,) = await profile.buy(reported("1", Line("CUP", 2, 900, name="for Bo")))
    (named,) = await profile.buy(reported("1", Line("CUP", 2, 900, name="for Ana"), external_id="A"))
    returned = await profile.give_back(back("R1", "1"))

    record = stored(first)
    assert (record.identity_id, record.customer_id, record.claimed_at) == (None, None, None)
    assert (again, misnamed) == (first, first)
    assert isinstance(named, DomainError)
    assert (named.code, named.extra) == ("order_conflict", {"fields": ["customer"]})
    assert isinstance(returned[0], RecordedReturn)
    assert [row.name for row in await profile.rows(tables.purchase_line)] == [None]
    assert await profile.published() == []
    assert await profile.drift() == []


async def test_a_batch_holds_named_and_anonymous_purchases(profile: Profile) -> None:
    await profile.give_back(back("R2", "2"))
    outcomes = await profile.buy(
        reported("1", external_id="A"),
        reported("2"),
        reported("1"),
        reported("2", external_id="A"),
        reported("2"),
    )

    named, anonymous, *repeats, again = outcomes
    assert [stored(named).identity_id is None, stored(anonymous).identity_id] == [False, None]
    assert [isinstance(repeat, DomainError) and repeat.code for repeat in repeats] == ["order_conflict"] * 2
    assert again == anonymous
    events = await profile.published()
    assert [type(event) for event in events] == [CustomerRegistered, PurchaseRecorded]
    assert (await profile.rows(tables.purchase_return))[0].identity_id is None


async def test_each_of_a_batch_is_answered_as_if_alone(profile: Profile) -> None:
    unknown = new_id("cus")
    refused, taken, named = await profile.buy(
        reported("1", id=unknown), reported("1"), reported("1", external_id="A")
    )
    assert isinstance(refused, DomainError)
    assert (refused.code, refused.errors[0].pointer) == ("unknown_customer", "/customer/id")
    assert stored(taken).identity_id is None
    assert isinstance(named, DomainError)
    assert named.extra == {"fields": ["customer"]}
    assert await profile.published() == []


async def test_a_claim_tells_what_a_known_customer_would_have_told(profile: Profile) -> None:
    """Returns that waited, came before the claim, and come after it."""
    await profile.give_back(
        back("K0", "K", at=NOW + timedelta(hours=1)), back("A0", "A", at=NOW + timedelta(hours=1))
    )
    await profile.buy(reported("K", external_id="known"))
    await profile.buy(reported("A"))
    await profile.give_back(back("K1", "K"), back("A1", "A"))

    claimed = await profile.claim("A", OPERATOR, external_id="late")
    await profile.give_back(back("K2", "K"), back("A2", "A"))

    record = stored(claimed)
    events = await profile.published()
    of_late = [event for event in events if event.key == record.identity_id]
    of_known = [event for event in events if event.key != record.identity_id]
    assert told(of_late) == told(of_known)
    assert len(told(of_late)) == 4
    assert record.claimed_at == NOW
    assert await profile.drift() == []


async def test_a_claim_again_is_answered_as_at_first_also_after_a_merge(profile: Profile) -> None:
    ana, bo = await customers(profile, "ana", "bo")
    await profile.buy(reported("1"))
    first = stored(await profile.claim("1", by(ana)))
    before = len(await profile.published())

    assert await profile.claim("1", by(ana)) == first
    assert await profile.claim("1", OPERATOR, external_id="ana") == first
    assert isinstance(await profile.claim("1", by(bo)), ReceiptTaken)
    await merge(profile, loser=ana, survivor=bo)
    assert await profile.claim("1", by(bo)) == first
    assert len(await profile.published()) == before
    assert (first.identity_id, first.customer_id) == (ana, ana)


async def test_a_merged_customer_claims_for_the_identity_that_it_names(profile: Profile) -> None:
    ana, bo = await customers(profile, "ana", "bo")
    await merge(profile, loser=ana, survivor=bo)
    await profile.buy(reported("1"))
    claimed = stored(await profile.claim("1", by(ana)))
    assert (claimed.identity_id, claimed.customer_id) == (ana, bo)


async def test_a_purchase_with_a_customer_cannot_be_claimed(profile: Profile) -> None:
    (ana,) = await customers(profile, "ana")
    assert isinstance(await profile.claim("of ana", by(ana)), ReceiptTaken)
    assert isinstance(await profile.claim("of ana", OPERATOR, phone="13800138007"), ReceiptTaken)
    assert len(await profile.events_of(CustomerRegistered)) == 1


async def test_an_erased_customer_claims_nothing_and_leaves_a_claimed_purchase_to_nobody(
    profile: Profile,
) -> None:
    ana, bo = await customers(profile, "ana", "bo")
    await profile.buy(reported("1"), reported("2"))
    await profile.claim("1", by(ana))
    await profile.erase(ana)

    refused = await profile.claim("2", by(ana))
    assert isinstance(refused, DomainError)
    assert refused.code == "customer_erased"
    assert isinstance(await profile.claim("1", by(bo)), ReceiptTaken)
    (again,) = await profile.buy(reported("1"))
    assert stored(again).was_anonymous
    assert await profile.drift() == []


async def test_what_a_claim_adds_to_a_customer_stays_countable(profile: Profile) -> None:
    large = [Line("GOLD", 1, LINE_AMOUNT_MAX)] * 10
    await profile.buy(*(reported(f"{number}", *large, external_id="A") for number in range(100)))
    await profile.buy(reported("one more", *large))
    (rich,) = {row.identity_id for row in await profile.rows(tables.purchase) if row.identity_id}
    answer = await profile.operator().post(
        "/v1/purchases:claim", json={"source": "web", "order_id": "one more", "customer": {"id": rich}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, CustomerTotalTooLarge.code)


async def test_of_two_customers_who_claim_at_once_one_gets_the_receipt(profile: Profile) -> None:
    ana, bo = await customers(profile, "ana", "bo")
    await profile.buy(*(reported(f"{number}") for number in range(5)))
    for number in range(5):
        answers = await asyncio.gather(
            *(profile.claim(f"{number}", by(who)) for who in (ana, bo, ana, bo)),
            profile.claim(f"{number}", OPERATOR, external_id="cy"),
        )
        won = {answer.holder for answer in answers if isinstance(answer, PurchaseRecord)}
        assert len(won) == 1
        assert all(isinstance(answer, PurchaseRecord | ReceiptTaken) for answer in answers), answers
    recorded = await profile.events_of(PurchaseRecorded)
    assert len({event.purchase_id for event in recorded}) == len(recorded) == 7
    assert await profile.drift() == []


async def test_claims_and_returns_at_once_lose_no_return(profile: Profile) -> None:
    (ana,) = await customers(profile, "ana")
    orders = [f"{number}" for number in range(10)]
    await profile.buy(*map(reported, orders))
    await asyncio.gather(
        *(profile.claim(order, by(ana)) for order in orders),
        *(profile.give_back(back(f"{order}-{unit}", order)) for order in orders for unit in range(3)),
    )
    returned = await profile.events_of(PurchaseReturned)
    assert len({event.return_id for event in returned}) == len(returned) == 30
    assert await profile.drift() == []


@pytest.mark.postgresql
async def test_a_return_that_waits_for_a_claim_sees_its_customer(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        (ana,) = await customers(profile, "ana")
        (purchase,) = await profile.buy(reported("1"))
        async with profile.database.begin() as claiming:
            await claiming.run(text("select 1 from purchase where order_id = '1' for no key update"))
            returning = asyncio.create_task(profile.give_back(back("R1", "1")))
            assert await profile.blocked(returning)
            await claiming.run(
                text(
                    "update purchase set identity_id = :ana, customer_id = :ana, claimed_at = now() where order_id = '1'"
                ),
                {"ana": ana},
            )
        await returning
        (event,) = await profile.events_of(PurchaseReturned)
        assert (event.identity_id, event.purchase_id) == (ana, stored(purchase).purchase_id)


@pytest.mark.postgresql
async def test_a_claim_that_waits_for_an_erasure_is_refused(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        (ana,) = await customers(profile, "ana")
        await profile.buy(reported("1"))
        async with profile.database.begin() as erasing:
            await locks.identities(erasing, [ana], exclusive=True)
            claiming = asyncio.create_task(profile.claim("1", by(ana)))
            assert await profile.blocked(claiming)
            await erasing.run(text("update identity set state = 'erased'"))
        refused = await claiming
        assert isinstance(refused, DomainError)
        assert refused.code == "customer_erased"


async def test_the_database_keeps_a_claim(profile: Profile) -> None:
    ana, _ = await customers(profile, "ana", "bo")
    await profile.buy(reported("1"))
    await profile.claim("1", by(ana))
    for change in ("identity_id = 'x'", "customer_id = null", "claimed_at = null"):
        with pytest.raises(Exception, match="refused"):
            async with profile.database.begin() as tx:
                await tx.run(text(f"update purchase set {change} where order_id = '1'"))

"""A return takes back units of one purchase, once, whenever it comes."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from services.profile.main import service
from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.domain.returns import WaitingReturn
from services.profile.purchases.jobs import HAND_OVER_OVERDUE_RETURNS
from services.profile.purchases.storage import tables
from services.profile.purchases.storage import waiting_returns as storage
from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.storage.waiting_returns import WAITING_DAYS_MAX
from services.profile.purchases.usecases import record_purchases as intake
from services.profile.purchases.usecases import record_returns as returning
from services.profile.purchases.usecases.record_returns import Outcome
from shared.consume.set_aside import StillRefused
from shared.consume.tables import set_aside
from shared.db import locks
from shared.errors import DomainError
from shared.events.profile import PurchaseReturned
from shared.ids import new_id
from tests.parts import operators
from tests.profile.running import NOW, Profile, back, open_profile, reported


def stored(outcome: Outcome) -> RecordedReturn:
    assert isinstance(outcome, RecordedReturn), outcome
    return outcome


def refused(outcome: Outcome) -> DomainError:
    assert isinstance(outcome, DomainError), outcome
    return outcome


async def set_aside_states(profile: Profile) -> list[tuple[str, str]]:
    """State and code of everything set aside, in order."""
    async with profile.database.read() as read:
        rows = await read.all(select(set_aside.c.state, set_aside.c.code).order_by(set_aside.c.id))
    return [(state, code) for state, code in rows]


async def test_units_go_back_last_first_with_their_share_of_the_line(profile: Profile) -> None:
    (bought,) = await profile.buy(reported("1", Line("TEA", 3, 1000), Line("CUP", 1, 1), phone="13800138001"))
    assert isinstance(bought, PurchaseRecord)
    first, second = map(
        stored, await profile.give_back(back("R1", "1", (1, 1), (2, 1)), back("R2", "1", (1, 2)))
    )
    assert [(line.line, line.unit_from, line.unit_to, line.amount_minor) for line in first.lines] == [
        (1, 3, 3, 334),
        (2, 1, 1, 1),
    ]
    assert [(line.unit_from, line.unit_to, line.amount_minor) for line in second.lines] == [(1, 2, 666)]
    told_to_others = [event for event in await profile.published() if isinstance(event, PurchaseReturned)]
    assert [(event.amount_minor, event.identity_id, event.purchased_at) for event in told_to_others] == [
        (335, bought.identity_id, NOW), (666, bought.identity_id, NOW),
    ]  # fmt: skip
    assert await profile.drift() == []


async def test_a_return_that_no_purchase_could_take_does_not_wait_for_one(profile: Profile) -> None:
    twice, once = await profile.give_back(back("R1", "1", (1, 1), (2, 1), (1, 2)), back("R2", "1", (1, 1)))
    assert [(error.pointer, error.code) for error in refused(twice).errors] == [
        ("/lines/2/line", "line_repeated")
    ]
    assert isinstance(once, WaitingReturn)


async def test_more_than_is_left_is_refused_and_neighbours_apply(profile: Profile) -> None:
    await profile.buy(reported("1", phone="13800138001"))
    outcomes = await profile.give_back(
        back("R1", "1", (1, 2)), back("R2", "1", (1, 2)), back("R3", "1", (1, 1))
    )
    assert refused(outcomes[1]).code == "return_exceeds_purchase"
    assert refused(outcomes[1]).errors[0].pointer == "/lines/0/quantity"
    assert [stored(outcomes[at]).lines[0].unit_to for at in (0, 2)] == [3, 1]
    assert await profile.drift() == []


async def test_a_repeat_gets_the_first_answer_and_other_content_is_a_conflict(profile: Profile) -> None:
    await profile.buy(reported("1", phone="13800138001"), reported("2", phone="13800138001"))
    (first,) = await profile.give_back(back("R1", "1", (1, 1)))
    again, other = await profile.give_back(
        back("R1", "1", (1, 1)), back("R1", "2", (1, 2), at=NOW - timedelta(hours=1))
    )
    assert again == first
    assert refused(other).code == "return_conflict"
    assert refused(other).extra["fields"] == ["order_id", "returned_at", "lines"]
    assert await profile.count(tables.purchase_return) == 1


async def test_a_return_before_its_purchase_waits_and_is_applied_with_it(profile: Profile) -> None:
    (waiting,) = await profile.give_back(back("R1", "1", (1, 1)))
    assert isinstance(waiting, WaitingReturn)
    (again,) = await profile.give_back(back("R1", "1", (1, 1)))
    assert again == waiting
    (conflict,) = await profile.give_back(back("R1", "2", (1, 1)))
    assert refused(conflict).extra["fields"] == ["order_id"]
    await profile.buy(reported("1", phone="13800138001"))
    (applied,) = map(stored, await profile.give_back(back("R1", "1", (1, 1))))
    assert applied.record.return_id == waiting.return_id
    assert await set_aside_states(profile) == [("applied", "waiting_for_purchase")]
    kinds = [type(event).__name__ for event in await profile.published()]
    assert kinds == ["CustomerRegistered", "PurchaseRecorded", "PurchaseReturned"]
    assert await profile.drift() == []


async def test_waiting_returns_apply_in_order_and_what_does_not_fit_goes_to_the_operators(
    profile: Profile,
) -> None:
    early, late = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    await profile.give_back(
        back("R3", "1", (1, 1), at=late), back("R2", "1", (1, 2), at=late), back("R1", "1", (1, 1), at=early)
    )
    await profile.buy(reported("1", Line("TEA", 3, 1000), phone="13800138001"))
    async with profile.database.read() as read:
        rows = await read.all(
            select(
                tables.purchase_return.c.source_return_id,
                tables.return_line.c.unit_from,
                tables.return_line.c.unit_to,
            )
            .join(tables.return_line, tables.return_line.c.return_id == tables.purchase_return.c.return_id)
            .order_by(tables.return_line.c.unit_to.desc())
        )
    assert [tuple(row) for row in rows] == [("R1", 3, 3), ("R2", 1, 2)]
    assert sorted(await set_aside_states(profile)) == [
        ("applied", "waiting_for_purchase"),
        ("applied", "waiting_for_purchase"),
        ("dead", "return_exceeds_purchase"),
    ]
    assert await profile.drift() == []


async def test_a_return_that_waited_and_turns_out_to_be_before_its_purchase_is_set_aside(
    profile: Profile,
) -> None:
    await profile.give_back(
        back("R1", "1", (1, 1), at=NOW - timedelta(days=2)), back("R2", "1", (1, 1), at=NOW)
    )
    await profile.buy(reported("1", Line("TEA", 3, 1000), phone="13800138001"))
    assert sorted(await set_aside_states(profile)) == [
        ("applied", "waiting_for_purchase"),
        ("dead", "return_before_purchase"),
    ]
    assert await profile.count(tables.purchase_return) == 1
    assert await profile.drift() == []


async def test_a_return_whose_purchase_never_comes_is_handed_to_the_operators(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.outbox.due_rows.PAGE_MAX", 10)
    many = [back(f"R{number}", "1") for number in range(11)]
    await profile.give_back(*many)
    assert await HAND_OVER_OVERDUE_RETURNS.run(profile.runtime) == 0
    profile.clock.advance(timedelta(days=WAITING_DAYS_MAX))
    assert await HAND_OVER_OVERDUE_RETURNS.run(profile.runtime) == len(many)
    assert set(await set_aside_states(profile)) == {("dead", "purchase_never_came")}


async def test_the_sweep_of_deadlines_looks_for_the_purchase_once_more(profile: Profile) -> None:
    """However its wake-up was lost: here the returns are parked beside a purchase that is there."""
    await profile.buy(reported("1", Line("TEA", 1, 1000), phone="13800138001"))
    waiting = [WaitingReturn(new_id("ret"), "shop", back(name, "1")) for name in ("R1", "R2")]
    async with profile.database.begin() as tx:
        await storage.park(tx, profile.vault, waiting)
    profile.clock.advance(timedelta(days=WAITING_DAYS_MAX))
    assert await HAND_OVER_OVERDUE_RETURNS.run(profile.runtime) == 2
    assert sorted(await set_aside_states(profile)) == [
        ("applied", "waiting_for_purchase"),
        ("dead", "return_exceeds_purchase"),
    ]
    assert await profile.drift() == []


async def dead_return(profile: Profile) -> str:
    """The set-aside id of the one return that operators have to see to."""
    async with profile.database.read() as read:
        ((found,),) = await read.all(select(set_aside.c.id).where(set_aside.c.state == "dead"))
    return str(found)


async def retry(profile: Profile, set_aside_id: str) -> int:
    """Try a set-aside record again, as the operators' API does."""
    (consumer,) = service(profile.settings).handlers
    return await operators.retry(profile.database, consumer, profile.runtime.context, set_aside_id, by="ana")


async def test_a_dead_return_is_tried_again_when_its_purchase_has_come_after_all(profile: Profile) -> None:
    (waiting,) = await profile.give_back(back("R1", "1", (1, 2)))
    assert isinstance(waiting, WaitingReturn)
    profile.clock.advance(timedelta(days=WAITING_DAYS_MAX))
    await HAND_OVER_OVERDUE_RETURNS.run(profile.runtime)
    set_aside_id = await dead_return(profile)
    with pytest.raises(StillRefused, match="purchase_not_known"):
        await retry(profile, set_aside_id)
    await profile.buy(reported("1", phone="13800138001"))
    assert await retry(profile, set_aside_id) == 1
    (applied,) = map(stored, await profile.give_back(back("R1", "1", (1, 2))))
    assert applied.record.return_id == waiting.return_id
    assert [type(event).__name__ for event in await profile.published()].count("PurchaseReturned") == 1
    assert await profile.drift() == []


async def test_a_dead_return_that_was_sent_again_meanwhile_is_applied_once(profile: Profile) -> None:
    await profile.give_back(back("R1", "1", (1, 4)), back("R2", "1", (1, 1)))
    await profile.buy(reported("1", phone="13800138001"))
    set_aside_id = await dead_return(profile)
    with pytest.raises(StillRefused, match="return_exceeds_purchase"):
        await retry(profile, set_aside_id)
    await profile.give_back(back("R1", "1", (1, 2)))
    with pytest.raises(StillRefused, match="return_conflict"):
        await retry(profile, set_aside_id)
    assert await profile.count(tables.purchase_return) == 2
    assert await profile.drift() == []


@pytest.mark.parametrize("first", ["shop", "partner:acme"])
async def test_a_return_takes_units_of_its_issuers_order_only(profile: Profile, first: str) -> None:
    """Two issuers use the same order and return ids; each return waits for the order of its own issuer."""
    second = "partner:acme" if first == "shop" else "shop"
    (early,) = await profile.give_back(back("R1", "1", (1, 2)), issuer=second)
    assert isinstance(early, WaitingReturn)
    await profile.buy(reported("1", phone="13800138001"), issuer=first)
    (own,) = await profile.give_back(back("R1", "1"), issuer=first)
    assert isinstance(own, RecordedReturn)
    assert [state for state, _ in await set_aside_states(profile)] == ["parked"]
    (again,) = await profile.give_back(back("R1", "1", (1, 2)), issuer=second)
    assert isinstance(again, WaitingReturn)
    assert again.return_id == early.return_id
    await profile.buy(reported("1", phone="13800138001"), issuer=second)
    assert [state for state, _ in await set_aside_states(profile)] == ["applied"]
    returns = [event for event in await profile.published() if isinstance(event, PurchaseReturned)]
    assert [(event.issuer, event.lines[0].quantity) for event in returns] == [(first, 1), (second, 2)]
    assert len({event.identity_id for event in returns}) == 2
    assert await profile.drift() == []


async def test_a_return_in_the_future_is_refused(profile: Profile) -> None:
    (outcome,) = await profile.give_back(back("R1", "1", at=NOW + timedelta(hours=25)))
    assert refused(outcome).code == "in_the_future"


async def test_thirty_returns_at_once_take_each_unit_once(profile: Profile, seeded: random.Random) -> None:
    await profile.buy(reported("1", Line("TEA", 10, 999), phone="13800138001"))
    wanted = [back(f"R{number}", "1", (1, seeded.randint(1, 3))) for number in range(30)]
    outcomes = await asyncio.gather(*(profile.give_back(wanted_return) for wanted_return in wanted))
    taken = [
        units for (outcome,) in outcomes if isinstance(outcome, RecordedReturn) for units in outcome.lines
    ]
    units = [unit for line in taken for unit in range(line.unit_from, line.unit_to + 1)]
    assert sorted(units) == sorted(set(units))
    async with profile.database.read() as read:
        counted = await read.scalar(select(tables.purchase_line.c.returned_quantity))
    assert counted == len(units)
    if len(units) == 10:
        assert sum(line.amount_minor for line in taken) == 999
    assert await profile.drift() == []


async def test_the_same_return_thirty_times_at_once_is_recorded_once(profile: Profile) -> None:
    await profile.buy(reported("1", phone="13800138001"), reported("2", phone="13800138001"))
    wanted = [back("R1", str(1 + number % 2)) for number in range(30)]
    answers = await asyncio.gather(*(profile.give_back(wanted_return) for wanted_return in wanted))
    outcomes = [outcome for (outcome,) in answers]
    assert len({outcome.record.return_id for outcome in outcomes if isinstance(outcome, RecordedReturn)}) == 1
    assert {outcome.code for outcome in outcomes if isinstance(outcome, DomainError)} == {"return_conflict"}
    assert await profile.count(tables.purchase_return) == 1
    assert await profile.drift() == []


async def test_returns_beside_their_purchases_are_never_parked_for_ever(
    profile: Profile, seeded: random.Random
) -> None:
    tasks = [
        work
        for number in range(60)
        for work in (
            profile.buy(reported(str(number), phone=f"138{number:08d}")),
            profile.give_back(back(f"R{number}", str(number))),
        )
    ]
    seeded.shuffle(tasks)
    await asyncio.gather(*tasks)
    assert await profile.count(set_aside, set_aside.c.state == "parked") == 0
    assert await profile.count(tables.purchase_return) == 60
    assert await profile.drift() == []


async def _crossing(profile: Profile) -> int:
    """A return and its purchase, each looking before the other has committed; how many stay parked."""
    async with profile.database.begin() as tx:
        await returning.record_returns(tx, profile.context, [back("R1", "1")], issuer="shop")
        buying = asyncio.create_task(profile.buy(reported("1", phone="13800138001")))
        await profile.blocked(buying)
    await buying
    return await profile.count(set_aside, set_aside.c.state == "parked")


@pytest.mark.postgresql
async def test_without_the_rendezvous_a_return_would_stay_parked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        assert await _crossing(profile) == 0
    (tmp_path / "control").mkdir()
    async with open_profile("postgresql", tmp_path / "control") as profile:

        async def meet_nobody(*_: object, **__: object) -> None:
            return None

        monkeypatch.setattr(locks, "rendezvous", meet_nobody)
        assert await _crossing(profile) == 1


@pytest.mark.postgresql
async def test_a_purchase_that_commits_while_its_return_looks_is_found(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        async with profile.database.begin() as tx:
            await intake.record_purchases(
                tx, profile.context, [reported("1", phone="13800138001")], issuer="shop"
            )
            giving_back = asyncio.create_task(profile.give_back(back("R1", "1")))
            assert await profile.blocked(giving_back)
        assert isinstance((await giving_back)[0], RecordedReturn)

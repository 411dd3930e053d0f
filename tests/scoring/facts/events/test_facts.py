"""Purchases, returns, merges and erasures, as they come over the bus."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.scoring.facts import invariants
from services.scoring.facts.domain.state import EMPTY, State
from services.scoring.facts.refusals import UNITS_MAX, TooManyUnits
from services.scoring.facts.storage import states
from services.scoring.facts.storage.tables import customer_state, purchase, purchase_return
from services.scoring.labels.storage.tables import score
from shared import identity
from shared.events.scoring import ScoringErasureDone
from shared.limits import INT64_MAX
from shared.outbox.tables import outbox
from tests.scoring.running import NOW, Scoring, at, bought, customer, erased, moved, registered, returned


async def state(scoring: Scoring, customer_id: str) -> State:
    async with scoring.database.read() as read:
        assert list(await invariants.verify(read)) == []
        return (await states.of_customers(read, [customer_id])).get(customer_id, EMPTY)


async def test_purchases_become_days_a_state_and_a_label(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(bought(who, at(40)), bought(who, at(3), 500), bought(who, at(3), 250))
    known = await state(scoring, who)
    assert (known.purchases, known.days, known.net_minor, known.last_day) == (3, 2, 1750, at(3).date())
    told = await scoring.told()
    assert [(event.label, event.previous, event.label_sequence, event.moved_by) for event in told] == [
        ("potential_loyal", None, int(NOW.timestamp()), "purchase")
    ]
    assert told[0].as_of == NOW
    assert told[0].valid_until == (at(3) + timedelta(days=31)).replace(hour=0), "recent up to 30 days"


async def test_the_same_purchase_again_changes_nothing(scoring: Scoring) -> None:
    who = customer()
    event = bought(who, at(3))
    await scoring.deliver(event)
    before = await state(scoring, who)
    await scoring.deliver(event, event)
    assert await state(scoring, who) == before
    assert len(await scoring.told()) == 1


async def test_the_first_told_of_a_purchase_is_the_fact_whoever_tells_it_otherwise(scoring: Scoring) -> None:
    who, other = customer(), customer()
    event = bought(who, at(3), 500)
    of_other = bought(other, at(3), 900, id=event.purchase_id)
    dearer = bought(who, at(2), 700, id=event.purchase_id)
    await scoring.deliver(event, of_other, dearer)
    known = await state(scoring, who)
    assert (known.purchases, known.net_minor) == (1, 500)
    assert await state(scoring, other) == EMPTY


async def test_a_return_of_anothers_purchase_counts_for_nothing(scoring: Scoring) -> None:
    who, other = customer(), customer()
    first, second = bought(who, at(10), 900, units=3), bought(who, at(9), 900, units=3)
    strange = [
        returned(purchase, at(5), 300).model_copy(update={"identity_id": other})
        for purchase in (first, second)
    ]
    await scoring.deliver(first, strange[0], strange[1])
    await scoring.deliver(second)
    known = await state(scoring, who)
    assert (known.purchases, known.refund_minor) == (2, 0)
    assert await state(scoring, other) == EMPTY


async def test_a_return_that_comes_first_waits_for_its_purchase(scoring: Scoring) -> None:
    who = customer()
    purchase_event = bought(who, at(10), 900, units=3)
    await scoring.deliver(bought(who, at(20)), returned(purchase_event, at(5), 300))
    assert (await state(scoring, who)).purchases == 1
    await scoring.deliver(purchase_event)
    known = await state(scoring, who)
    assert (known.purchases, known.refund_minor, known.net_minor) == (2, 300, 1600)


async def test_a_purchase_whose_units_all_went_back_no_longer_counts(scoring: Scoring) -> None:
    who = customer()
    event = bought(who, at(10), 900, units=2)
    await scoring.deliver(event)
    await scoring.deliver(returned(event, at(5), 900, unit_to=2))
    assert await state(scoring, who) == EMPTY
    assert [(event.label, event.previous) for event in await scoring.told()] == [("new", None), (None, "new")]


async def test_a_merge_moves_the_purchases_and_an_unmerge_moves_them_back(scoring: Scoring) -> None:
    survivor, loser = customer(), customer()
    await scoring.deliver(bought(survivor, at(9)), bought(loser, at(8)))
    apart = await state(scoring, survivor), await state(scoring, loser)
    await scoring.deliver(moved(loser, survivor, loser, 1))
    await scoring.deliver(bought(loser, at(1)))
    assert (await state(scoring, survivor)).purchases == 3
    assert await state(scoring, loser) == EMPTY
    await scoring.deliver(moved(loser, loser, survivor, 2))
    assert await state(scoring, survivor) == apart[0]
    assert (await state(scoring, loser)).purchases == 2


async def test_an_older_move_that_comes_late_changes_nothing(scoring: Scoring) -> None:
    survivor, loser = customer(), customer()
    await scoring.deliver(bought(loser, at(8)))
    await scoring.deliver(moved(loser, loser, survivor, 2))
    await scoring.deliver(moved(loser, survivor, loser, 1))
    assert (await state(scoring, loser)).purchases == 1


async def test_an_erasure_leaves_a_tombstone_and_is_answered_once(scoring: Scoring) -> None:
    who = customer()
    event = erased(who)
    bought_before = bought(who, at(8))
    await scoring.deliver(bought_before, returned(bought_before, at(2), 0), bought(who, at(1)))
    await scoring.deliver(event)
    await scoring.deliver(event, bought(who, at(0)), bought_before)
    assert await scoring.count(purchase) + await scoring.count(purchase_return) == 0
    assert await scoring.count(customer_state) + await scoring.count(score) == 0
    async with scoring.database.read() as read:
        answers = await read.all(select(outbox.c.payload).where(outbox.c.type == ScoringErasureDone.type))
        owners = await read.scalar(select(identity.identity.c.erased_at))
    assert [
        {part.kind: part.count for part in ScoringErasureDone.model_validate_json(payload).wiped}
        for (payload,) in answers
    ] == [{"purchase": 2, "return": 1}]
    assert owners == NOW


async def test_erasing_one_identity_leaves_the_others_of_the_customer(scoring: Scoring) -> None:
    survivor, loser = customer(), customer()
    await scoring.deliver(bought(survivor, at(9)), bought(loser, at(8)), moved(loser, survivor, loser, 1))
    await scoring.deliver(erased(survivor))
    known = await state(scoring, survivor)
    assert (known.purchases, known.last_day) == (1, at(8).date())


async def test_an_old_merge_told_again_brings_nothing_back_of_a_customer_who_was_erased(
    scoring: Scoring,
) -> None:
    one, two = customer(), customer()
    merged, unmerged = moved(two, one, two, 1), moved(two, two, one, 2)
    await scoring.deliver(bought(one, at(9)), bought(two, at(8)), merged, unmerged, erased(one), erased(two))
    await scoring.deliver(merged, unmerged)
    assert await scoring.count(customer_state) + await scoring.count(score) == 0


async def test_an_erased_customer_is_known_as_long_as_they_own_somebody(scoring: Scoring) -> None:
    one, two = customer(), customer()
    await scoring.deliver(bought(one, at(9)), erased(one), bought(two, at(8)))
    await scoring.deliver(moved(two, one, two, 1))
    assert (await state(scoring, one)).purchases == 1
    await scoring.deliver(moved(two, two, one, 2))
    assert await state(scoring, one) == EMPTY
    assert (await state(scoring, two)).purchases == 1
    assert (await scoring.count(customer_state), await scoring.count(score)) == (1, 1)


async def test_a_registered_customer_is_known_before_any_purchase(scoring: Scoring) -> None:
    who = customer()
    await scoring.deliver(registered(who), registered(who))
    async with scoring.operator() as client:
        answer = await client.get(f"/v1/customers/{who}/scores")
    assert (answer.status_code, answer.json()["n"], answer.json()["reason"]) == (200, 0, "no_purchases")


async def test_a_batch_with_every_sort_of_event_is_one_transaction(scoring: Scoring) -> None:
    one, two, three = customer(), customer(), customer()
    event = bought(one, at(9), units=2)
    await scoring.deliver(
        registered(one), event, moved(two, one, two, 1), bought(two, at(7)), returned(event, at(1), 0), bought(three, at(2)),
        erased(three), bought(one, at(8)), moved(two, two, one, 2),
    )  # fmt: skip
    assert (await state(scoring, one)).purchases == 2
    assert (await state(scoring, two)).purchases == 1
    assert await state(scoring, three) == EMPTY


async def test_facts_of_more_units_than_an_order_has_are_refused(scoring: Scoring) -> None:
    """Two of them on one day could not be added up, and the database would refuse the whole batch."""
    who = customer()
    largest = bought(who, at(3), units=UNITS_MAX)
    another = largest.lines[0].model_copy(update={"line": 2})
    for giant in (
        bought(who, at(3), units=INT64_MAX),
        largest.model_copy(update={"lines": (*largest.lines, another)}),
    ):
        with pytest.raises(TooManyUnits):
            await scoring.deliver(giant)
    await scoring.deliver(largest, bought(who, at(3), units=UNITS_MAX))
    assert await scoring.count(purchase) == 2

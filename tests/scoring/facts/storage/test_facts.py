"""What the database computes from facts is what the domain computes from facts."""

import random
from datetime import timedelta

from sqlalchemy import select, update

from services.scoring.facts import invariants
from services.scoring.facts.domain.facts import Cut, roll_up
from services.scoring.facts.queries import samples
from services.scoring.facts.storage import facts, rollups
from services.scoring.facts.storage.tables import customer_state, day_rollup
from services.scoring.scores.domain import answers
from shared.events.profile import PurchaseRecorded
from shared.identity import identities_of, identity
from tests.parts.looking import looked_through
from tests.scoring import cdnow, running
from tests.scoring.running import NOW, Scoring, bought, customer, returned


async def fill(scoring: Scoring, rng: random.Random) -> list[str]:
    """Some customers with purchases in two currencies, returns and merges."""
    people = [customer() for _ in range(30)]
    purchases: list[PurchaseRecorded] = []
    for _ in range(200):
        currency = rng.choice(["CNY", "CNY", "USD"])
        when = NOW - timedelta(days=rng.randrange(100))
        purchases.append(bought(rng.choice(people), when, rng.randrange(3000), units=2, currency=currency))
    backs = [
        returned(
            purchase,
            purchase.occurred_at + timedelta(days=rng.randrange(30)),
            purchase.amount_minor // 2,
            unit_to=rng.choice([1, 2]),
        )
        for purchase in rng.sample(purchases, 60)
    ]
    await scoring.deliver(*purchases, *backs)
    await scoring.deliver(
        *(running.moved(people[number], people[number + 1], people[number], 1) for number in range(0, 10, 2))
    )
    return people


async def test_roll_ups_in_the_database_are_those_of_the_domain(
    scoring: Scoring, seeded: random.Random
) -> None:
    people = await fill(scoring, seeded)
    async with scoring.database.read() as read:
        history = await facts.history_of(read, people)
        stored = await rollups.of_identities(read, people)
    assert sorted(stored, key=str) == sorted(roll_up(history.purchases, history.returns), key=str)


async def test_what_a_fit_reads_is_what_the_states_say_as_of_any_day(
    scoring: Scoring, seeded: random.Random
) -> None:
    await fill(scoring, seeded)
    for ago in (0, 20, 50):
        until = (NOW - timedelta(days=ago)).date()
        async with scoring.database.read() as read:
            owners = {owner.owner_id for owner in await read.all(select(identity))}
            then = {
                who: await facts.history_of(read, await identities_of(read, who)) for who in sorted(owners)
            }
            repeats = await samples.repeat_rows(read, until)
            spends = await samples.spend_rows(read, until, "CNY")
            found = await samples.rfm_rows(read, until)
        states = [answers.state_at(history, Cut(until)) for history in then.values()]
        states = [state for state in states if state.days]
        assert repeats == cdnow.repeat_rows(states, until)
        assert spends == cdnow.spend_rows([state for state in states if state.currency == "CNY"])
        assert sum(count for _, count in found.recency) == len(states)
        assert sum(value * count for value, count in found.frequency) == sum(
            state.purchases for state in states
        )
        assert sum(net * count for net, count in found.monetary.get("USD", ())) == sum(
            state.net_minor for state in states if state.currency == "USD"
        )


async def test_verify_finds_what_was_tampered_with(scoring: Scoring) -> None:
    one, two = customer(), customer()
    await scoring.deliver(bought(one, NOW), bought(two, NOW))
    async with scoring.database.begin() as tx:
        await tx.execute(
            update(customer_state).where(customer_state.c.customer_id == one).values(purchases=7)
        )
        await tx.execute(update(day_rollup).where(day_rollup.c.identity_id == two).values(units=9))
    async with scoring.database.read() as read:
        found = await invariants.verify(read)
        rules = sorted(drift.rule for drift in found)
        assert await looked_through(read, invariants.INVARIANTS) == found
    assert rules == ["rollup_is_the_sum_of_its_facts"] * 2 + ["state_is_the_fold_of_its_days"]

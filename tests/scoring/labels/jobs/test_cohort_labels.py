"""The names of a whole cohort, through events, a fit in a worker process and the sweep after it."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import func, select

from services.scoring.labels import jobs
from services.scoring.labels.storage import tables
from services.scoring.main import EMBEDDED_BATCH_MAX
from services.scoring.models.domain.kinds import rfm
from tests.scoring import cdnow, running
from tests.scoring.running import Scoring, bought, customer, run_fits


def histogram(values: Iterable[int]) -> list[tuple[int, int]]:
    """Values with how often they occur."""
    return sorted(Counter(values).items())


async def test_a_cohort_gets_the_names_that_its_facts_say(scoring: Scoring) -> None:
    states = [state for state in cdnow.states(sample=True).values() if state.last_day]
    cuts = rfm.Cuts(
        recency=rfm.quintile_cuts(
            histogram((cdnow.UNTIL - state.last_day).days for state in states if state.last_day)
        ),
        frequency=rfm.frequency_cuts(histogram(state.purchases for state in states)),
        monetary={"USD": rfm.quintile_cuts(histogram(state.net_minor for state in states))},
    )
    scored = (rfm.rfm(state, cuts, cdnow.UNTIL) for state in states)
    expected = Counter(score.segment.value for score in scored if score)

    scoring.clock.set(running.noon(cdnow.UNTIL) + timedelta(hours=11))
    bodies = [purchase for purchase in cdnow.purchases(sample=True) if purchase.day <= cdnow.UNTIL]
    identities = {name: customer() for name in sorted({purchase.identity_id for purchase in bodies})}
    events = [
        bought(identities[purchase.identity_id], purchase.occurred_at, purchase.amount_minor, currency="USD")
        for purchase in bodies
    ]
    for start in range(0, len(events), EMBEDDED_BATCH_MAX):
        await scoring.deliver(*events[start : start + EMBEDDED_BATCH_MAX])
    async with scoring.operator() as client:
        asked = await client.post("/v1/models/rfm/fits", json={"until": cdnow.UNTIL.isoformat()})
        assert await run_fits(scoring) == 1
        fit = (await client.get(asked.headers["Location"])).json()
    while await jobs.sweep(scoring.runtime):
        pass

    assert fit["result"]["parameters"] == cuts.model_dump(mode="json")
    label = tables.score.c.label
    async with scoring.database.read() as read:
        rows = await read.all(select(label, func.count()).group_by(label))
    assert {str(name): count for name, count in rows} == expected
    told = [event for event in await scoring.told() if event.moved_by == "model"]
    assert told, "new cut points have moved somebody"
    assert {event.cause.id for event in told} == {"rfm:1"}

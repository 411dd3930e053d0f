"""The answer to an erasure comes after everything that the erasure brings about."""

from shared.events.scoring import ScoreUpdated, ScoringErasureDone
from tests.scoring.running import Scoring, at, bought, customer, erased, moved


async def test_an_erasure_is_answered_after_the_labels_that_it_changed(scoring: Scoring) -> None:
    survivor, merged = customer(), customer()
    await scoring.deliver(
        bought(survivor, at(300)), bought(merged, at(1)), moved(merged, survivor, merged, 1)
    )
    erasure = erased(merged)
    await scoring.deliver(erasure)

    relabelled, answer = (await scoring.events())[-2:]
    assert isinstance(relabelled, ScoreUpdated)
    assert (relabelled.customer_id, relabelled.moved_by) == (survivor, "ownership")
    assert relabelled.cause.id == erasure.erasure_id
    assert isinstance(answer, ScoringErasureDone)
    assert (answer.identity_id, answer.erasure_id) == (merged, erasure.erasure_id)


async def test_each_of_several_erasures_is_answered_once(scoring: Scoring) -> None:
    erasures = [erased(customer()) for _ in range(3)]
    await scoring.deliver(*erasures)
    await scoring.deliver(*erasures)

    answers = await scoring.events_of(ScoringErasureDone)
    assert sorted(answer.erasure_id for answer in answers) == sorted(
        erasure.erasure_id for erasure in erasures
    )

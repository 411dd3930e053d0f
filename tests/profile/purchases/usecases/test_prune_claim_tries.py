"""Failed tries to claim a receipt are deleted when they have not counted for long, and not before."""

from datetime import timedelta

from services.profile.purchases.capability import CAPABILITY
from services.profile.purchases.refusals import CLAIM_TRIES_KEPT, CLAIM_TRIES_WITHIN
from services.profile.purchases.storage import claim_tries, tables
from services.profile.purchases.usecases.prune_claim_tries import prune_claim_tries
from shared.ids import new_id
from tests.parts.contexts import context_of
from tests.profile.running import Profile


async def test_tries_that_no_longer_count_are_deleted(profile: Profile) -> None:
    old, edge, fresh = (new_id("cus") for _ in range(3))
    ages = {old: CLAIM_TRIES_KEPT + timedelta(minutes=1), edge: CLAIM_TRIES_WITHIN, fresh: timedelta()}
    for customer_id, age in ages.items():
        async with profile.database.begin() as tx:
            await claim_tries.lock(tx, customer_id)
            await claim_tries.store(tx, customer_id, 5, tx.now - age)

    async with profile.database.begin() as tx:
        deleted = await prune_claim_tries(tx, context_of(profile.vault))
    async with profile.database.begin() as tx:
        again = await prune_claim_tries(tx, context_of(profile.vault))

    assert (deleted, again) == (1, 0)
    assert {row.customer_id for row in await profile.rows(tables.claim_tries)} == {edge, fresh}


async def test_a_try_is_counted_although_its_row_was_deleted_meanwhile(profile: Profile) -> None:
    customer_id = new_id("cus")
    async with profile.database.begin() as tx:
        await claim_tries.store(tx, customer_id, 1, tx.now)

    assert [row.failed for row in await profile.rows(tables.claim_tries)] == [1]


def test_profile_prunes_them_by_a_job() -> None:
    assert "prune_claim_tries" in {job.name for job in CAPABILITY.jobs}

"""Identities follow the newest owner."""

from itertools import permutations

from shared.identity import identity
from tests.feedback.running import Feedback, customer, merged


async def test_ownership_events_in_any_order_end_with_the_newest(feedback: Feedback) -> None:
    for events in permutations((1, 2, 3)):
        who, owners = customer(), {version: customer() for version in (1, 2, 3)}
        for version in events:
            await feedback.deliver(merged(who, owners[version], version))
        (row,) = await feedback.rows(identity, identity.c.identity_id == who)
        assert (row.owner_id, row.ownership_version) == (owners[3], 3)

"""`huitou verify` and the running verification find a contradiction that was planted behind the service's back."""

import pytest
from sqlalchemy import text

from tests.feedback.running import Feedback
from tests.parts.looking import looked_through


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("a complaint is where its last transition brought it", "UPDATE complaint SET cycle = 7"),
        ("every complaint's identity is registered", "DELETE FROM identity"),
        ("a clock follows from its facts", "UPDATE sla_clock SET cancelled_reason = 'erased'"),
    ],
)
async def test_each_contradiction_is_found(feedback: Feedback, rule: str, statement: str) -> None:
    for _ in range(3):
        await feedback.open()
    assert await feedback.drift() == []
    async with feedback.database.begin() as tx:
        await tx.execute(text(statement))

    found = await feedback.drift()
    assert rule in {drift.rule for drift in found}
    async with feedback.database.read() as read:
        assert set(await looked_through(read, feedback.service.invariants)) == set(found)

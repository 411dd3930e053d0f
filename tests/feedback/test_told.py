"""`huitou verify` misses rows that feedback has told others of, and finds rows that it has not."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from shared.events.base import Cause
from shared.events.feedback import SlaBreached
from tests.feedback.asking import OPEN, opened
from tests.feedback.running import Feedback, customer, earned

LATER = timedelta(days=30)


async def filled(feedback: Feedback) -> None:
    """A complaint that was answered too late and closed, and one with a remedy that was paid."""
    closed = await feedback.open()
    feedback.clock.advance(LATER)
    await feedback.fire()
    assert await feedback.published(SlaBreached)
    await feedback.close(closed)
    who = customer()
    complaint_id = (await opened(feedback, who))["id"]
    async with feedback.operator() as agent:
        remedy = {"kind": "points", "points": 200, "reason": "sorry"}
        granted = await agent.post(f"{OPEN}/{complaint_id}/remedies", json=remedy, headers=feedback.key())
    await feedback.deliver(earned(who, Cause(kind="remedy", id=granted.json()["id"])))
    assert await feedback.drift() == []


async def unguarded(feedback: Feedback, statement: str) -> None:
    """Run a statement with triggers and foreign keys out of the way."""
    if feedback.database.dialect == "sqlite":
        async with feedback.database.read() as read:
            await read.run(text("PRAGMA foreign_keys = OFF"))
    async with feedback.database.begin() as tx:
        if feedback.database.dialect == "postgresql":
            await tx.run(text("SET LOCAL session_replication_role = replica"))
        else:
            await tx.run(text("PRAGMA defer_foreign_keys = ON"))
            names = (await tx.run(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))).all()
            for (name,) in names:
                await tx.run(text(f"DROP TRIGGER {name}"))
        await tx.run(text(statement))


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("transition_has_its_event", "DELETE FROM transition WHERE action = 'answer'"),
        ("transition_has_its_event", "DELETE FROM transition WHERE outcome IS NOT NULL"),
        ("notice_has_its_event", "DELETE FROM sla_event WHERE kind = 'breached'"),
        ("notice_has_its_event", "UPDATE sla_event SET metric = 'follow_up' WHERE kind = 'breached'"),
        ("remedy_has_its_event", "DELETE FROM remedy"),
        ("remedy_has_its_event", "UPDATE remedy SET points = points + 1"),
        (
            "settlement_has_its_event",
            "UPDATE remedy SET status = 'overdue', loyalty_txn = NULL, settled_at = NULL",
        ),
        (
            "complaint_has_its_event",
            "DELETE FROM complaint WHERE id NOT IN (SELECT complaint_id FROM transition)",
        ),
    ],
)
async def test_what_was_told_is_missed(feedback: Feedback, rule: str, statement: str) -> None:
    await filled(feedback)
    if "FROM complaint" in statement:
        await unguarded(feedback, "DELETE FROM message")
    await unguarded(feedback, statement)
    assert rule in {drift.rule for drift in await feedback.untold()}

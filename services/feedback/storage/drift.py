"""Does what is stored follow from the facts? Every difference is a drift."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select

from services.feedback.domain import verdict
from services.feedback.domain.verdict import Told, Verdict
from services.feedback.storage import clocks, course, rules
from services.feedback.storage.clocks import ClockKey
from services.feedback.storage.tables import complaint, remedy, transition
from shared.db import Read, any_of
from shared.identity.tables import identity
from shared.service import Drift, Looked

PAGE_MAX: Final = 1_000
LOOK_MAX: Final = 25
"""Complaints of one look of the running verification."""
TIMELESS: Final = (
    "due_at",
    "paused_since",
    "fulfilled_at",
    "fulfilled_how",
    "cancelled_reason",
    "started_at",
    "pauses",
)


async def find(read: Read) -> list[Drift]:
    """Recompute clocks and states of every complaint, a page at a time, and look for rows that cannot be."""
    found: list[Drift] = []
    after = ""
    while page := await _page(read, after, PAGE_MAX):
        after = page[-1]
        found += await _complaints(read, page)
    return found + await _crossing(read)


async def look(read: Read, after: str) -> Looked:
    """The same for the next few complaints after this one; what concerns them all is asked at a pass's beginning."""
    page = await _page(read, after, LOOK_MAX)
    found = await _crossing(read) if after == "" else []
    if page:
        found += await _complaints(read, page)
    return Looked(found, page[-1] if len(page) == LOOK_MAX else "")


async def _complaints(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    return await _clocks(read, complaint_ids) + await _states(read, complaint_ids)


async def _crossing(read: Read) -> list[Drift]:
    return await _remedies(read) + await _identities(read)


async def _page(read: Read, after: str, limit: int) -> list[str]:
    rows = await read.all(
        select(complaint.c.id).where(complaint.c.id > after).order_by(complaint.c.id).limit(limit)
    )
    return [row.id for row in rows]


async def _clocks(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    """Folded again, a clock says the same; a running one is judged at its start, so that no time has to be asked."""
    in_force = await rules.load(read)
    facts = await course.facts(read, complaint_ids)
    stored = await clocks.stored(read, complaint_ids)
    told = await clocks.told(read, complaint_ids)
    found = []
    for complaint_id in complaint_ids:
        opened = min(fact.at for fact in facts[complaint_id])
        for clock in verdict.clocks(facts[complaint_id], in_force, opened):
            key: ClockKey = (complaint_id, *clock.key)
            breach = told.get((key, Told.BREACHED.value, 0))
            expected = clocks.row_of(complaint_id, verdict.standing(clock, breach, opened))
            row = stored.pop(key, None)
            found += _compare(key, expected, row)
            if row is not None and (row["verdict"] == Verdict.BREACHED.value) and breach is None:
                found.append(Drift("a breached clock was told as breached", _name(key), "no such event"))
    for key in stored:
        if (key, Told.BREACHED.value, 0) not in told:
            found.append(Drift("a clock follows from its facts", _name(key), "the facts have no such clock"))
    return found


def _compare(key: ClockKey, expected: Mapping[str, Any], row: Mapping[str, Any] | None) -> list[Drift]:
    if row is None:
        return [Drift("a clock follows from its facts", _name(key), "the clock is missing")]
    names = TIMELESS if expected["verdict"] == Verdict.RUNNING.value else (*TIMELESS, "verdict")
    return [
        Drift(
            "a clock follows from its facts",
            _name(key),
            f"{name} is {row[name]}, the facts say {expected[name]}",
        )
        for name in names
        if row[name] != expected[name]
    ]


async def _states(read: Read, complaint_ids: Sequence[str]) -> list[Drift]:
    """A complaint is where its last transition brought it, in the cycle its reopenings make."""
    rows = await read.all(
        select(transition.c.complaint_id, transition.c.to_status, transition.c.action)
        .where(any_of(transition.c.complaint_id, complaint_ids))
        .order_by(transition.c.booked_at, transition.c.id)
    )
    last: dict[str, str] = {}
    cycles: dict[str, int] = {}
    for row in rows:
        last[row.complaint_id] = row.to_status
        cycles[row.complaint_id] = cycles.get(row.complaint_id, 1) + (row.action == "reopen")
    found = []
    columns = (complaint.c.id, complaint.c.status, complaint.c.cycle)
    for one in await read.all(select(*columns).where(any_of(complaint.c.id, complaint_ids))):
        expected = (last.get(one.id, "received"), cycles.get(one.id, 1))
        if (one.status, one.cycle) != expected:
            found.append(
                Drift(
                    "a complaint is where its last transition brought it",
                    one.id,
                    f"{expected[0]} in cycle {expected[1]}",
                )
            )
    return found


async def _remedies(read: Read) -> list[Drift]:
    rows = await read.all(
        select(remedy.c.id)
        .where((remedy.c.status == "settled") != remedy.c.loyalty_txn.is_not(None))
        .order_by(remedy.c.id)
    )
    return [
        Drift("a remedy is settled by a ledger transaction", row.id, "the other is missing") for row in rows
    ]


async def _identities(read: Read) -> list[Drift]:
    missing = await read.scalar(
        select(func.count())
        .select_from(complaint)
        .outerjoin(identity, identity.c.identity_id == complaint.c.identity_id)
        .where(identity.c.identity_id.is_(None))
    )
    return (
        [Drift("every complaint's identity is registered", "complaint", f"{missing} are not")]
        if missing
        else []
    )


def _name(key: ClockKey) -> str:
    return ":".join(map(str, key))


RULES: Final = (
    "a breached clock was told as breached",
    "a clock follows from its facts",
    "a complaint is where its last transition brought it",
    "a remedy is settled by a ledger transaction",
    "every complaint's identity is registered",
)
"""What always holds, by the names that drifts carry."""

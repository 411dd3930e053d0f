"""The running verification: a look at a few rows every few seconds, under the service's lease, again and again.

`huitou verify` looks at everything at once; both ask the same rules. What a pass finds stands until a later whole
pass no longer finds it, so a figure that rose stays up until the rows are mended and were looked at again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text

from shared import logs
from shared.context import Runtime
from shared.db import Database, Read, Tx
from shared.outbox.jobs import Job
from shared.verify.invariants import Invariants, Look, Looked
from shared.verify.tables import verify_finding, verify_pass

EVERY_SECONDS = 2.0
LOOKS_MAX = 3
"""A difference counts when it is there at every look of so many."""
FINDINGS_MAX = 1_000
"""Differences that are kept; `huitou verify` lists them all."""
NAME = "rolling"

log = logs.named(__name__, keys=("count", "rule"))


@dataclass(frozen=True, slots=True)
class Standing:
    """What the running verification knows: broken rows by rule, when it last looked, when it had last seen all."""

    broken: Mapping[str, int]
    looked_at: datetime | None
    ended_at: datetime | None


def job_of(invariants: Invariants) -> Job:
    """The job that looks on, one look a run."""

    async def run(runtime: Runtime) -> int:
        return await look_on(invariants, runtime)

    return Job("verify", run, EVERY_SECONDS)


async def look_on(invariants: Invariants, runtime: Runtime) -> int:
    """Look at the next few rows; return how many differences were found."""
    if invariants.look is None:
        return 0
    async with runtime.database.read() as read:
        after = await read.scalar(select(verify_pass.c.at).where(verify_pass.c.name == NAME)) or ""
    looked = await _look(runtime.database, invariants.look, after)
    unknown = {drift.rule for drift in looked.drifts} - set(invariants.rules)
    assert not unknown, f"rules that the service does not name: {sorted(unknown)}"
    async with runtime.database.begin() as tx:
        await _keep(tx, looked, first=after == "")
    for rule in sorted({drift.rule for drift in looked.drifts}):
        count = sum(drift.rule == rule for drift in looked.drifts)
        log.error("what is stored contradicts the facts: see `huitou verify`", rule=rule, count=count)
    return len(looked.drifts)


async def standing(read: Read, invariants: Invariants) -> Standing:
    """Every rule of the service with how many rows break it."""
    broken = dict.fromkeys(invariants.rules, 0)
    rows = await read.all(select(verify_finding.c.rule, func.count()).group_by(verify_finding.c.rule))
    broken.update({rule: count for rule, count in rows if rule in broken})
    row = await read.first(
        select(verify_pass.c.looked_at, verify_pass.c.ended_at).where(verify_pass.c.name == NAME)
    )
    return Standing(broken, *(row if row is not None else (None, None)))


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[Read]:
    """One moment of the database for a whole look: a hot row would differ between two statements, every time."""
    if database.dialect == "sqlite":  # nothing of this process comes between two of its statements
        async with database.read() as read:
            yield read
        return
    async with database.begin() as tx:
        await tx.run(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield tx


async def _look(database: Database, look: Look, after: str) -> Looked:
    """What is there at every look; another process may write to a SQLite file between two statements."""
    async with _snapshot(database) as read:
        looked = await look(read, after)
    for _ in range(LOOKS_MAX - 1):
        if not looked.drifts:
            break
        async with _snapshot(database) as read:
            again = await look(read, after)
        names = {(drift.rule, drift.subject) for drift in again.drifts}
        looked = Looked(
            [drift for drift in looked.drifts if (drift.rule, drift.subject) in names], looked.after
        )
    return looked


async def _keep(tx: Tx, looked: Looked, *, first: bool) -> None:
    """Write down what was found and where to go on; a pass that ends forgets what it did not see again."""
    found = sorted({(drift.rule, drift.subject) for drift in looked.drifts})[:FINDINGS_MAX]
    kept = await tx.scalar(select(func.count()).select_from(verify_finding)) or 0
    rows = [
        {"rule": rule, "subject": subject, "found_at": tx.now, "seen_at": tx.now} for rule, subject in found
    ]
    if kept < FINDINGS_MAX:
        await tx.upsert(verify_finding, rows, key=("rule", "subject"), update=("seen_at",))
    else:
        await tx.update_many(
            verify_finding,
            [{key: row[key] for key in ("rule", "subject", "seen_at")} for row in rows],
            key=("rule", "subject"),
        )
    progress = {"name": NAME, "at": looked.after, "began_at": tx.now, "looked_at": tx.now, "ended_at": None}
    moved = ["at", "looked_at", *(["began_at"] if first else [])]
    await tx.upsert(verify_pass, [progress], key=("name",), update=moved)
    if looked.after == "":
        began_at = await tx.scalar(select(verify_pass.c.began_at).where(verify_pass.c.name == NAME))
        await tx.execute(delete(verify_finding).where(verify_finding.c.seen_at < began_at))
        await tx.execute(verify_pass.update().where(verify_pass.c.name == NAME).values(ended_at=tx.now))

"""The running verification: a look at a few rows every few seconds, under the service's lease, without end.

`huitou verify` looks at all rows at once. Both check the same rules. A difference stays until a later whole pass no longer
finds it. So a figure that rose falls only after the rows are repaired and a pass has looked at them again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text

from shared import logs
from shared.context import Runtime
from shared.db import Database, Read, Tx, columns_of
from shared.outbox.jobs import Job
from shared.verify.invariants import Invariants, Look, Looked
from shared.verify.tables import VerifyFindingRecord, VerifyPassRecord, verify_finding, verify_pass

EVERY_SECONDS = 2.0
SHARE_MAX = 0.0005
"""The share of a core that the looks of one service may take. A service at rest has nothing else to do, and should rest."""
LOOKS_MAX = 3
"""The number of looks at the same rows. A difference counts only if every look finds it."""
FINDINGS_MAX = 1_000
"""The largest number of differences that are stored. `huitou verify` lists them all."""
NAME = "rolling"

log = logs.named(__name__, keys=("count", "rule"))


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the running verification: broken rows by rule, the last look, and the end of the last whole pass."""

    broken: Mapping[str, int]
    looked_at: datetime | None
    ended_at: datetime | None


def job_of(invariants: Invariants) -> Job:
    """Return the job that takes one look per run."""

    async def run(runtime: Runtime) -> int:
        return await look_on(invariants, runtime)

    return Job("verify", run, EVERY_SECONDS, SHARE_MAX)


async def look_on(invariants: Invariants, runtime: Runtime) -> int:
    """Look at the next few rows, and return the number of differences found."""
    if invariants.look is None:
        return 0
    async with runtime.database.read() as read:
        after = await read.scalar(select(verify_pass.c.at).where(verify_pass.c.name == NAME)) or ""
    looked = await _look(runtime.database, invariants.look, after)
    unknown = {drift.rule for drift in looked.drifts} - set(invariants.rules)
    assert not unknown, f"rules that the service does not name: {sorted(unknown)}"
    async with runtime.database.begin() as tx:
        await _store(tx, looked, first=after == "")
    for rule in sorted({drift.rule for drift in looked.drifts}):
        count = sum(drift.rule == rule for drift in looked.drifts)
        log.error("what is stored contradicts the facts: see `huitou verify`", rule=rule, count=count)
    return len(looked.drifts)


async def standing(read: Read, invariants: Invariants) -> Standing:
    """Return every rule of the service with the number of rows that break it, and the progress of the passes."""
    broken = dict.fromkeys(invariants.rules, 0)
    rows = await read.all(select(verify_finding.c.rule, func.count()).group_by(verify_finding.c.rule))
    broken.update({rule: count for rule, count in rows if rule in broken})
    progress = await read.read_record(
        VerifyPassRecord, select(*columns_of(verify_pass, VerifyPassRecord)).where(verify_pass.c.name == NAME)
    )
    if progress is None:
        return Standing(broken, looked_at=None, ended_at=None)
    return Standing(broken, progress.looked_at, progress.ended_at)


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[Read]:
    """Give one snapshot of the database for a whole look. Without it, a busy row would change between two statements."""
    if database.dialect == "sqlite":  # no other write of this process comes between two statements of a look
        async with database.read() as read:
            yield read
        return
    async with database.begin() as tx:
        await tx.run(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield tx


async def _look(database: Database, look: Look, after: str) -> Looked:
    """Return the differences that every look finds.

    One look is not enough, because another process may write to a SQLite file between two statements.
    """
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


async def _store(tx: Tx, looked: Looked, *, first: bool) -> None:
    """Store the differences and the place of the next look. The end of a pass deletes differences that it did not find."""
    broken = sorted({(drift.rule, drift.subject) for drift in looked.drifts})[:FINDINGS_MAX]
    findings = [VerifyFindingRecord(rule, subject, tx.now, tx.now) for rule, subject in broken]
    stored = await tx.scalar(select(func.count()).select_from(verify_finding)) or 0
    if stored < FINDINGS_MAX:
        await tx.upsert_records(verify_finding, findings, key=("rule", "subject"), update=("seen_at",))
    else:
        await tx.update_records(verify_finding, findings, key=("rule", "subject"), columns=("seen_at",))
    progress = VerifyPassRecord(NAME, at=looked.after, began_at=tx.now, looked_at=tx.now, ended_at=None)
    moved = ["at", "looked_at", *(["began_at"] if first else [])]
    await tx.upsert_records(verify_pass, [progress], key=("name",), update=moved)
    if looked.after == "":
        began_at = await tx.scalar(select(verify_pass.c.began_at).where(verify_pass.c.name == NAME))
        await tx.execute(delete(verify_finding).where(verify_finding.c.seen_at < began_at))
        await tx.execute(verify_pass.update().where(verify_pass.c.name == NAME).values(ended_at=tx.now))

"""Do the due work of a job row by row where a page fails, so that one row that cannot be done keeps no others waiting."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from shared import logs
from shared.context import Context, Runtime
from shared.db import Database, Read, Tx, failures
from shared.outbox.jobs import PAGES_MAX, Job, RowsPassedOver

PAGE_MAX: Final = 500
"""The largest number of rows that one transaction does."""
PASSED_OVER_MAX: Final = 100
"""The largest number of rows that a job passes over. If there are more, the job itself is at fault, and fails."""
RETRY_AFTER: Final = timedelta(minutes=1)
"""The time after which a row that failed is tried again. It doubles with each failure."""
RETRY_AFTER_MAX: Final = timedelta(hours=1)

log = logs.named(__name__, keys=("job", "row"))

Find = Callable[[Read, Context[Any], int], Awaitable[Sequence[str]]]
"""A function that returns the ids of rows that are due, at most as many as asked for, those first that wait longest."""
Act = Callable[[Tx, Context[Any], Sequence[str]], Awaitable[int]]
"""A function that does what is due of these rows and returns the number of its effects. Another process may have been faster, so it
looks at each row again under its lock."""


@dataclass(slots=True)
class _Row:
    """A row that failed: when it is tried again, and how long it waited for that."""

    retry_at: datetime
    wait: timedelta


def by_rows(
    name: str, find: Find, act: Act, *, every_seconds: float = 5.0, pages_max: int = PAGES_MAX
) -> Job:
    """Return a job that does one page of due rows per transaction, until none is due or `pages_max` is reached.

    It looks for due rows outside of a transaction: where nothing is due, it takes no lock and no place in SQLite's queue of writers.
    What is due may be a lower bound: a page that is found again unchanged ends the run.
    """

    async def run(runtime: Runtime[Any]) -> int:
        rows = RowByRow(runtime, name, act)
        former: Sequence[str] = ()
        for _ in range(pages_max):
            most = PAGE_MAX + len(rows.passed)
            async with runtime.database.read() as read:
                found = await find(read, runtime.context, most)
            keys = rows.to_try(found)[:PAGE_MAX]
            if len(found) < most:
                rows.forget_besides(found)
            if not keys or keys == former:
                break
            await rows.do(keys)
            former = keys
        return rows.ended()

    return Job(name, run, every_seconds)


_PASSED: WeakKeyDictionary[Database, dict[str, dict[str, _Row]]] = WeakKeyDictionary()
"""The rows that each job passes over in this process. Another process finds them again by itself."""


class RowByRow:
    """One run of a job over rows. If a page fails, its halves are done for themselves, down to the row at fault.

    That row is passed over, and tried again later.
    """

    def __init__(self, runtime: Runtime[Any], name: str, act: Act) -> None:
        self._runtime, self._name, self._act = runtime, name, act
        self.passed = _PASSED.setdefault(runtime.database, {}).setdefault(name, {})
        self._effects = 0
        self._error: Exception | None = None

    def to_try(self, keys: Sequence[str]) -> list[str]:
        """Return those of these rows that do not wait to be tried again."""
        now = self._runtime.clock.now()
        return [key for key in keys if key not in self.passed or self.passed[key].retry_at <= now]

    def forget_besides(self, keys: Collection[str]) -> None:
        """Forget the rows besides these, because they are no longer due."""
        for key in self.passed.keys() - set(keys):
            del self.passed[key]

    async def do(self, keys: Sequence[str]) -> None:
        """Do these rows in one transaction; if it fails, each half for itself.

        Raises what the database raises if it is the cause, and the error of a row if too many rows are passed over already.
        """
        try:
            async with self._runtime.database.begin() as tx:
                effects = await self._act(tx, self._runtime.context, keys)
        except Exception as error:
            if failures.is_transient(error):
                raise
            if len(keys) == 1:
                self._pass_over(keys[0], error)
                return
            middle = len(keys) // 2
            await self.do(keys[:middle])
            await self.do(keys[middle:])
        else:
            self._effects += effects
            for key in keys:
                self.passed.pop(key, None)

    def ended(self) -> int:
        """Return the number of effects of the run. Raises RowsPassedOver if rows are passed over."""
        if self.passed:
            raise RowsPassedOver(self._effects, len(self.passed), self._error)
        return self._effects

    def _pass_over(self, key: str, error: Exception) -> None:
        known = self.passed.get(key)
        if known is None and len(self.passed) >= PASSED_OVER_MAX:
            raise error
        wait = RETRY_AFTER if known is None else min(known.wait * 2, RETRY_AFTER_MAX)
        self.passed[key] = _Row(self._runtime.clock.now() + wait, wait)
        self._error = error
        log.warning(
            "a periodic job passes a row over and tries it again later",
            job=self._name,
            row=key,
            exc_info=error,
        )

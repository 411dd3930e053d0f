"""A place on the disk for facts that are compared, so that a comparison of any size takes little memory."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from shared.verify.event_rules import VALUES_MAX, Fact

MEMORY_KIB = 16_384
FETCH_ROWS = 1_000


class ToldFact(NamedTuple):
    """A fact of one rule, as an event told of it."""

    rule: int
    fact: Fact
    key: str
    """The key of the event."""
    is_due: bool
    """Whether there must be a row."""


class Unseen(NamedTuple):
    """A fact without a row, and the key of its event."""

    id: str
    key: str


class Sent(NamedTuple):
    """An event that the outbox has as published."""

    event_id: str
    topic: str
    place: int


class Arrived(NamedTuple):
    """An event in its topic, with its key and its number in the order in which the topic was read."""

    event_id: str
    key: bytes | None
    number: int


class Scratch:
    """Tables in a file without a name, which goes when it is closed."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # an empty name is a temporary file
        for setting in _SETTINGS:
            self._db.execute(setting)
        self._db.executescript(_TABLES)

    def __enter__(self) -> Self:
        """Begin."""
        self._db.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove everything."""
        self._db.close()

    def put_aside(self, event_ids: Iterable[str]) -> None:
        """Note events that have no effect, because their records were set aside."""
        self._db.executemany("INSERT OR IGNORE INTO aside VALUES (?)", ((name,) for name in event_ids))

    def among_aside(self, event_ids: Sequence[str]) -> set[str]:
        """Return those of these events that have no effect."""
        if self._db.execute("SELECT 1 FROM aside LIMIT 1").fetchone() is None:
            return set()
        rows = self._db.execute(
            "SELECT event_id FROM aside WHERE event_id IN (SELECT value FROM json_each(?))",
            [json.dumps(event_ids)],
        )
        return {event_id for (event_id,) in rows}

    def store(self, rule: int, facts: Iterable[Fact]) -> None:
        """Note what rows tell."""
        self._db.executemany(_STORE, ((rule, fact.id, *_padded(fact)) for fact in facts))

    def tell(self, facts: Iterable[ToldFact]) -> None:
        """Note what events tell. Of several about one part of a fact the last counts; it is due if one of them was."""
        self._db.executemany(
            _TELL,
            (
                (told_fact.rule, fact.id, fact.part, told_fact.key, told_fact.is_due, *_padded(fact))
                for told_fact in facts
                for fact in (told_fact.fact,)
            ),
        )

    def excuse(self, facts: Iterable[ToldFact]) -> None:
        """Note that these facts need no row."""
        self._db.executemany(
            "INSERT OR IGNORE INTO excused VALUES (?, ?)",
            ((told_fact.rule, told_fact.fact.id) for told_fact in facts),
        )

    def without_row(self, rule: int) -> Iterator[list[Unseen]]:
        """Yield the facts that are due and have no row, some at a time."""
        after = ""
        while page := [
            Unseen(fact_id, key) for fact_id, key in self._db.execute(_WITHOUT_ROW, (rule, after, FETCH_ROWS))
        ]:
            yield page
            after = page[-1].id

    def without_event(self, rule: int, most: int) -> list[str]:
        """Return facts of which there is a row and no event."""
        return [fact_id for (fact_id,) in self._db.execute(_WITHOUT_EVENT, (rule, most))]

    def differing(self, rule: int, most: int) -> list[str]:
        """Return facts whose row and events do not tell the same values."""
        return [fact_id for (fact_id,) in self._db.execute(_DIFFERING, (rule, most, _MODULUS))]

    def send(self, events: Iterable[Sent]) -> None:
        """Note events that the outbox has as published."""
        self._db.executemany("INSERT OR IGNORE INTO sent (event_id, topic, place) VALUES (?, ?, ?)", events)

    def arrive(self, events: Iterable[Arrived]) -> None:
        """Note that events are in their topic. The first of repeats counts."""
        self._db.executemany(
            "UPDATE sent SET key = ?2, number = ?3 WHERE event_id = ?1 AND number IS NULL", events
        )

    def missing(self, most: int) -> list[Sent]:
        """Return events that were sent and are not in their topic."""
        return _sent(self._db.execute(_MISSING, (most,)))

    def overtaken(self, most: int) -> list[Sent]:
        """Return events that stand in their topic behind a later one of the same key."""
        return _sent(self._db.execute(_OVERTAKEN, (most,)))


def _sent(rows: Iterable[tuple[str, str, int]]) -> list[Sent]:
    return [Sent(event_id, topic, place) for event_id, topic, place in rows]


def _padded(fact: Fact) -> tuple[int, ...]:
    assert len(fact.values) <= VALUES_MAX, "a fact has a few values"
    return (*[value % _MODULUS for value in fact.values], *_ZEROS[len(fact.values) :])


_ZEROS = (0,) * VALUES_MAX
_MODULUS = 1 << 53
"""Values are compared modulo this, so that no sum passes what SQLite counts to."""
_SETTINGS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = FILE",
    f"PRAGMA cache_size = -{MEMORY_KIB}",
)
_TABLES = """
CREATE TABLE aside (event_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE excused (rule INTEGER, id TEXT, PRIMARY KEY (rule, id)) WITHOUT ROWID;
CREATE TABLE stored (
    rule INTEGER, id TEXT, a INTEGER, b INTEGER, c INTEGER, d INTEGER, PRIMARY KEY (rule, id)
) WITHOUT ROWID;
CREATE TABLE told (
    rule INTEGER, id TEXT, part TEXT, key TEXT, is_due INTEGER, a INTEGER, b INTEGER, c INTEGER, d INTEGER,
    PRIMARY KEY (rule, id, part)
) WITHOUT ROWID;
CREATE TABLE sent (
    event_id TEXT PRIMARY KEY, topic TEXT, place INTEGER, key BLOB, number INTEGER
) WITHOUT ROWID;
"""
_STORE = "INSERT OR REPLACE INTO stored VALUES (?, ?, ?, ?, ?, ?)"
_TELL = """
INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rule, id, part) DO UPDATE SET
    is_due = max(is_due, excluded.is_due), a = excluded.a, b = excluded.b, c = excluded.c, d = excluded.d
"""
_WITHOUT_ROW = """
SELECT id, min(key) FROM told
WHERE rule = ?1 AND id > ?2 AND is_due
    AND NOT EXISTS (SELECT 1 FROM stored WHERE rule = ?1 AND id = told.id)
    AND NOT EXISTS (SELECT 1 FROM excused WHERE rule = ?1 AND id = told.id)
GROUP BY id ORDER BY id LIMIT ?3
"""
_WITHOUT_EVENT = """
SELECT id FROM stored
WHERE rule = ?1 AND NOT EXISTS (SELECT 1 FROM told WHERE rule = ?1 AND id = stored.id) ORDER BY id LIMIT ?2
"""
_DIFFERING = """
SELECT stored.id FROM stored JOIN (
    SELECT id, sum(a) AS a, sum(b) AS b, sum(c) AS c, sum(d) AS d FROM told WHERE rule = ?1 GROUP BY id
) AS sums ON sums.id = stored.id
WHERE rule = ?1 AND (
    (stored.a - sums.a) % ?3 <> 0 OR (stored.b - sums.b) % ?3 <> 0
    OR (stored.c - sums.c) % ?3 <> 0 OR (stored.d - sums.d) % ?3 <> 0
)
ORDER BY stored.id LIMIT ?2
"""
_MISSING = "SELECT event_id, topic, place FROM sent WHERE number IS NULL ORDER BY place LIMIT ?"
_OVERTAKEN = """
SELECT event_id, topic, place FROM (
    SELECT event_id, topic, number, place, max(place) OVER (
        PARTITION BY topic, key ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS later FROM sent WHERE number IS NOT NULL
) WHERE place < later ORDER BY number LIMIT ?
"""

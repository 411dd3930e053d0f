"""What is kept of a round whose books do not balance: logs, requests, faults, records and rows, to find out why.

Into a folder of its own below CHAOS_KEEP=…, or below the system's folder for temporary files.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from shared.consume.tables import consumer_position, inbox, set_aside
from shared.db import Database
from shared.outbox.tables import outbox
from tests.chaos import books
from tests.chaos.books import Books
from tests.chaos.faults import Struck
from tests.chaos.journal import Journal
from tests.parts.distributed import DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres
from tests.parts.stacks import Stack

SEALED = {"headers", "payload", "record"}
"""Columns that say nothing that the records do not."""


def room(name: str) -> Path:
    """A new folder for a round of this name."""
    kept = os.environ.get("CHAOS_KEEP")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"huitou-chaos-{name}-", dir=kept))


def keep_requests(folder: Path, journal: Journal, struck: Struck) -> None:
    """Everything that was asked, and every fault, by the same monotonic clock, and what that clock says now."""
    _write(folder / "clock.jsonl", [{"monotonic": time.monotonic(), "time": datetime.now(UTC).isoformat()}])
    _write(folder / "asked.jsonl", map(asdict, journal.asked))
    _write(folder / "repeated.jsonl", map(asdict, journal.repeated))
    _write(folder / "faults.jsonl", map(asdict, struck.told))


def keep_logs(folder: Path, stack: Stack) -> None:
    """What the processes said, broker and database included."""
    files = [*stack.home.parent.glob("*.log"), *stack.home.glob("*.log")]
    if isinstance(stack, DistributedStack):
        files += stack.kafka.folder.glob("*.log") if isinstance(stack.kafka, ApacheKafka) else []
        files += stack.postgres.folder.glob("*.log") if isinstance(stack.postgres, Postgres) else []
    for path in files:
        shutil.copy(path, folder / path.name)


def keep_records(folder: Path, standing: Books) -> None:
    """Every record of every topic."""
    _write(
        folder / "records.jsonl",
        (
            {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "at_ms": record.timestamp_ms,
                "key": (record.key or b"").decode(errors="replace"),
                "headers": {name: value.decode(errors="replace") for name, value in record.headers},
                "value": (record.value or b"").decode(errors="replace"),
                "event_id": books.event_id(record),
            }
            for record in standing.records
        ),
    )


async def keep_rows(folder: Path, databases: Mapping[str, Database]) -> None:
    """Every row of the machinery's tables, a file a service and table."""
    for service, database in databases.items():
        async with database.read() as read:
            for table in (outbox, inbox, consumer_position, set_aside):
                columns = [column for column in table.c if column.name not in SEALED]
                names = [column.name for column in columns]
                rows = await read.all(select(*columns))
                path = folder / f"{service}-{table.name}.jsonl"
                _write(path, (dict(zip(names, row, strict=True)) for row in rows))


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(dict(row), default=str, ensure_ascii=False) + "\n" for row in rows)

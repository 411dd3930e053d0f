"""One consumer of the toy ledger as a process of its own, which can be killed: servers, database, home, group, member."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shared.bus.kafka import KafkaBus
from shared.consume.consumer import Consumer
from shared.context import Context
from shared.db import Tx, open_database
from shared.events.base import Event
from shared.outbox.writing import write_outbox
from shared.vault import open_vault
from tests.parts.contexts import context_of
from tests.shared.ledger import HANDLERS, lock

SESSION_SECONDS = 2.0
BATCH_MAX = 20
BATCH_SECONDS = 0.03
"""How long a batch keeps its locks, so that rebalances and kills meet it in the middle."""


async def slow_lock(tx: Tx, context: Context, events: Sequence[Event]) -> None:
    """Lock as the ledger does, and take a while."""
    await lock(tx, context, events)
    await asyncio.sleep(BATCH_SECONDS)


async def consume(servers: str, database_url: str, home: Path, group: str, member: str) -> None:
    """Consume until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    database = open_database(database_url, write_outbox=write_outbox("toy"))
    bus = KafkaBus([servers], session_seconds=SESSION_SECONDS)
    handlers = replace(HANDLERS, consumer=group, lock=slow_lock, batch_max=BATCH_MAX)
    await Consumer(database, bus, context_of(open_vault(home, "test")), handlers, member).run(stopping)
    await bus.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(consume(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4], sys.argv[5]))

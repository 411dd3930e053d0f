"""A process that cannot begin yet says what it waits for, and where that should be."""

import asyncio
import json
from pathlib import Path

import pytest

from services.loyalty.main import service
from services.loyalty.settings import Settings
from shared import logs
from shared.run import roles
from shared.service.opening import migrations_of, open_runtime
from tests.parts import waiting
from tests.parts.processes import free_ports

SAID_SECONDS_MAX = 30
(NOBODY,) = free_ports(1)


@pytest.mark.parametrize(
    ("settings", "event", "where"),
    [
        (
            {"loyalty_database_url": f"postgresql://loyalty:s3cret@127.0.0.1:{NOBODY}/points"},
            "waiting for the database",
            {"host": f"127.0.0.1:{NOBODY}", "database": "points"},
        ),
        (
            {"bus_url": f"kafka://127.0.0.1:{NOBODY}"},
            "waiting for the bus",
            {"host": f"127.0.0.1:{NOBODY}"},
        ),
    ],
)
async def test_it_says_what_it_waits_for_and_where(
    tmp_path: Path, settings: dict[str, str], event: str, where: dict[str, str]
) -> None:
    log = tmp_path / "log"
    loyalty = service(Settings.model_validate({"home": tmp_path, **settings}))

    with log.open("w", buffering=1) as stream:
        logs.configure("loyalty", stream=stream)
        async with open_runtime(loyalty) as runtime:
            if "bus_url" in settings:
                await migrations_of(loyalty).upgrade(runtime.database)
            stopping = asyncio.Event()
            relaying = asyncio.create_task(roles.run(loyalty, runtime, frozenset(("relay",)), stopping))

            async def has_said_so() -> bool:
                return event in log.read_text()

            await waiting.until(has_said_so, seconds_max=SAID_SECONDS_MAX)
            stopping.set()
            await relaying
        logs.configure("loyalty")

    assert "s3cret" not in log.read_text()
    (said,) = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == event]
    assert where.items() <= said.items()

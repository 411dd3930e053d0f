"""How fast purchases are taken in over HTTP, their customers found or made."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.clock import SystemClock
from tests.bench import consuming, measuring, serving
from tests.bench.calling import Callers, request
from tests.bench.measuring import Race
from tests.bench.processes import running
from tests.bench.shopping import Till
from tests.conftest import SEED
from tests.parts import databases
from tests.parts.processes import free_port_base

BATCH, SEED_BATCHES, ROUND_BATCHES, ROUNDS = 500, 12, 2, 7
AGENT: tuple[Role, ...] = ("agent",)


@pytest.mark.parametrize("kind", databases.KINDS)
async def test_intake_in_batches(kind: databases.Kind, tmp_path: Path) -> None:
    race = Race(f"intake by :batch, {kind}", "parse the body and keep it", unit="purchases/s", rate_min=1_500)
    async with databases.fresh(kind, "profile", folder=tmp_path) as database:
        base, now = free_port_base(6), SystemClock().now()
        environment = {
            "HUITOU_HOME": str(tmp_path),
            "HUITOU_PORT_BASE": str(base),
            "HUITOU_PROFILE_DATABASE_URL": database.url,
        }
        command, ready = (
            ["-m", "tests.bench.serving", "profile", str(tmp_path)],
            [f"http://127.0.0.1:{base + 1}"],
        )
        with running(command, environment, ready, tmp_path / "serving.log") as server:
            key = ensure_signing_key(tmp_path)
            token = mint(key, "operator", "ana", now=now, ttl=timedelta(hours=1), roles=AGENT)
            till = Till(SEED)
            callers = Callers(base + 1, connections=1)
            paths = "/v1/purchases:batch", serving.BARE_FACTS
            await callers.ask(
                [request("POST", paths[0], token, till.batch(BATCH)) for _ in range(SEED_BATCHES)]
            )
            await consuming.analyse(database)
            for _ in range(ROUNDS):
                bodies = [till.batch(BATCH) for _ in range(ROUND_BATCHES)]
                product, bare = ([request("POST", path, token, body) for body in bodies] for path in paths)
                with measuring.timed(server.pid) as ours:
                    answers = await callers.ask(product)
                with measuring.timed(server.pid) as theirs:
                    await callers.ask(bare)
                race.lap(ROUND_BATCHES * BATCH, ours, theirs)
                statuses = {item["status"] for answer in answers for item in json.loads(answer)["items"]}
                assert statuses == {201}, statuses
            callers.close()

    measuring.conclude(race)

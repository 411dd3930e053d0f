"""The figures that are scraped are those that docs/reference/metrics.md lists, and they show what is wrong."""

import asyncio
import re
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from huitou import registry
from services.scoring.facts.storage.tables import CustomerStateRecord, customer_state
from shared.bus import Message, open_bus
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.http import monitoring
from shared.http.app import build_side_door
from shared.outbox import failing_jobs
from shared.run import process_metrics
from shared.run.process_metrics import Leadership
from shared.run.roles import consumers_of, topics_of
from shared.verify import rolling
from tests.architecture.sources import ROOT
from tests.parts import services, tokens
from tests.parts.databases import Kind
from tests.parts.opened import Opened
from tests.parts.services import Running

SERVICES = tuple(service.name for service in registry.services())
PAGE = ROOT / "docs/reference/metrics.md"
PASS_LOOKS_MAX = 20
SOON = datetime.now(UTC) + timedelta(hours=1)
"""The standing clock of these services, after the times that the bus gives to its records."""
TOPIC = "huitou.purchases"


class Counted(Running[Any]):
    """A service whose every role is counted."""

    async def text_of(self, path: str) -> str:
        """Return what the service answers an operator at a path."""
        async with self.operator("viewer") as client:
            return (await client.get(path)).text

    async def looked_through(self) -> None:
        """Run a whole pass of the running verification."""
        async with self.database.read() as read:
            before = (await rolling.standing(read, self.service.invariants)).ended_at
        self.clock.advance(timedelta(seconds=1))  # so that the pass ends at another time than the one before
        for _ in range(PASS_LOOKS_MAX):
            await rolling.look_on(self.service.invariants, self.runtime)
            async with self.database.read() as read:
                if (await rolling.standing(read, self.service.invariants)).ended_at != before:
                    return
        raise AssertionError("the pass does not end")


async def answered(app: FastAPI, path: str) -> str:
    """Return what an app answers at a path, without a token."""
    async with tokens.client(app, None) as client:
        return (await client.get(path)).text


@asynccontextmanager
async def counted(name: str, kind: Kind, home: Path, *, kafka: str = "") -> AsyncIterator[Counted]:
    """Run a service on an empty database and on a bus with its topics, or on the given Kafka as it is."""
    bus = open_bus(kafka or "embedded://", home=home)
    async with services.running(Counted, name, kind, home, now=SOON, bus=bus) as service:
        if not kafka:
            await bus.ensure_topics(topics_of(service.service))
        process_metrics.count_leadership(service.app, Leadership())
        process_metrics.count_consumers(service.app, consumers_of(service.service, service.runtime))
        yield service


def scraped(metrics: str) -> Set[str]:
    """Return the names of the figures in a scrape."""
    return set(re.findall(r"^# TYPE (huitou_\w+)", metrics, re.MULTILINE))


def listed() -> Set[str]:
    """Return the names of the figures on the page."""
    rows = re.findall(
        r"^\| `(huitou_\w+)` \| (?:gauge|counter|histogram) \|.*\S \|$", PAGE.read_text(), re.MULTILINE
    )
    return set(rows)  # fmt: skip


@pytest.mark.postgresql
async def test_what_is_scraped_is_what_is_listed(tmp_path: Path) -> None:
    every: set[str] = set()
    for name in SERVICES:
        home = tmp_path / name
        home.mkdir()
        async with counted(name, "postgresql" if name == "loyalty" else "sqlite", home) as service:
            await service.text_of("/health/live")
            await service.looked_through()
            await failing_jobs.note(service.database, "some_job", RuntimeError("it fails"))
            mine = scraped(await service.text_of("/metrics"))
        assert mine - listed() == set()
        assert {f"huitou_{measure.name}" for measure in service.service.measures} <= mine
        every |= mine

    assert len(every) > 30
    assert listed() - every == set()


async def test_a_row_changed_behind_the_services_back_shows_as_a_figure_and_a_sentence(
    tmp_path: Path,
) -> None:
    rule = "state_is_the_fold_of_its_days"
    async with counted("scoring", "sqlite", tmp_path) as service:
        await service.looked_through()
        held = await service.text_of("/metrics")
        async with service.database.begin() as tx:
            await tx.insert_records(customer_state, [BROKEN_STATE])
        await service.looked_through()
        broken, said = await service.text_of("/metrics"), await service.text_of("/health/issues")

    line = f'huitou_invariant_broken{{rule="{rule}",service="scoring"}}'
    assert f"{line} 0.0\n" in held
    assert f"{line} 1.0\n" in broken
    assert rule in said
    assert "python -m services.scoring verify" in said


async def test_a_process_that_only_consumes_says_what_it_does_and_how_it_is(tmp_path: Path) -> None:
    async with counted("loyalty", "sqlite", tmp_path) as service:
        door = build_side_door(service.service, service.runtime)
        process_metrics.count_consumers(door, consumers_of(service.service, service.runtime))
        metrics, ready = await answered(door, "/metrics"), await answered(door, "/health/ready")

    assert (
        'huitou_consumer_records_total{consumer="loyalty",outcome="applied",service="loyalty"} 0.0\n'
        in metrics
    )
    assert "huitou_outbox_pending" not in metrics, "a figure of the service would be counted twice"
    assert ready == '{"status":"ready"}'


async def test_a_consumer_that_is_behind_or_beyond_the_end_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "LAG_RECORDS_MAX", 1)
    position = ConsumerPositionRecord("loyalty", TOPIC, 0, next_offset=5, moved_at=datetime.now(UTC))
    async with counted("loyalty", "sqlite", tmp_path) as service:
        producer = await service.runtime.bus.producer()
        await producer.send(TOPIC, 0, [Message("k", (), b"x")] * 2)
        await producer.close()
        behind, metrics = await service.text_of("/health/issues"), await service.text_of("/metrics")
        async with service.database.begin() as tx:
            await tx.insert_records(consumer_position, [position])
        beyond = await service.text_of("/health/issues")

    assert '"consumer_lags"' in behind
    assert "2 records behind" in behind
    assert "python -m services.loyalty consume" in behind
    lag = f'huitou_consumer_lag_seconds{{consumer="loyalty",service="loyalty",topic="{TOPIC}"}} '
    assert float(metrics.split(lag)[1].split("\n")[0]) > 0
    assert '"position_beyond_end"' in beyond
    assert "(3 records)" in beyond


async def test_a_bus_that_hangs_is_said_to_be_away_and_hides_nothing_else(tmp_path: Path) -> None:
    hanging = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    async with counted("loyalty", "sqlite", tmp_path, kafka=f"kafka://127.0.0.1:{port}") as service:
        said, metrics = await service.text_of("/health/issues"), await service.text_of("/metrics")
    hanging.close()

    assert '"bus_away"' in said
    assert "check_slow" not in said
    assert "huitou_outbox_pending" in metrics
    assert "huitou_consumer_lag" not in metrics


async def test_health_and_metrics_answer_before_there_are_any_topics(house: Opened) -> None:
    """A process that serves may start before the relays and consumers, which make the topics."""
    async with house.operator("viewer") as client:
        for path in ("/health/live", "/health/ready", "/health/issues", "/metrics"):
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.text)


BROKEN_STATE = CustomerStateRecord(
    customer_id="cus_nobody",
    purchases=3,
    days=0,
    first_day=None,
    last_day=None,
    gap_sq=0,
    gap_log=0,
    currency=None,
    currency_days=0,
    gross_minor=0,
    refund_minor=0,
    first_day_net=0,
    last_day_net=0,
    net_sq=0,
    other_currencies=(),
)

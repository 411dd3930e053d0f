"""A Kafka client without its broker writes many lines per second; few of them are logged."""

import logging

import pytest

from shared.bus.kafka import failures
from shared.bus.kafka.failures import quieten


def test_what_the_client_says_is_said_every_30_seconds_in_our_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quieten()
    (ours,) = _handlers()
    monkeypatch.setattr(ours, "_logged_at", None)
    monkeypatch.setattr(ours, "_held_back", 0)
    theirs = logging.getLogger("aiokafka.conn")
    for tenth in range(1_000):
        monkeypatch.setattr("shared.bus.kafka.failures.time.monotonic", lambda now=tenth / 10: now)
        theirs.error("Connect attempt to node %s failed", 1)
        theirs.warning("Heartbeat failed: rebalancing")

    assert not logging.getLogger("aiokafka").propagate
    said = [record.getMessage() for record in caplog.records if record.name.startswith("shared.")]
    assert [line.partition("(")[2] for line in said] == [
        f"{left} further lines held back)" for left in (0, 299, 299, 299)
    ]
    assert all("tried again until it is back" in line and "node 1 failed" in line for line in said)
    quieten()
    assert _handlers() == [ours]


def _handlers() -> list[logging.Handler]:
    """Return our handlers on the logger of the client; other tests add handlers of their own."""
    return [
        handler
        for handler in logging.getLogger("aiokafka").handlers
        if isinstance(handler, failures._RareLog)
    ]

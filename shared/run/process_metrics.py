"""What a process counts of its own relaying and consuming, for whoever scrapes it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from shared.consume.consumer import Consumer
from shared.metrics import Measure, Metrics
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay

RELAY_MEASURES = (
    Measure(
        "relay_leader",
        "1 while this process holds the service's lease, and so relays and runs the jobs; the sum over a service is 1.",
    ),
    Measure("relay_leading_seconds", "For how long it has held the lease now; 0: it does not."),
    Measure("relay_takeovers_total", "How often it took the lease.", kind="counter"),
    Measure("relay_sent_total", "Events sent, and marked as sent.", kind="counter"),
    Measure(
        "relay_unconfirmed_total",
        "Events handed to the bus that it did not acknowledge: they are sent again, and absorbed if they had arrived.",
        kind="counter",
    ),
    Measure("relay_failures_total", "Rounds that failed and were begun again.", kind="counter"),
)
"""What a process with the role `relay` measures."""

CONSUMER_MEASURES = (
    Measure(
        "consumer_records_total",
        "Records by what became of them: applied, repeated (absorbed as known), skipped (a type that is not consumed), "
        "dead or queued (set aside).",
        ("consumer", "outcome"),
        kind="counter",
    ),
    Measure(
        "consumer_batches_total",
        "Batches applied, each of one partition; those of several partitions may share a transaction.",
        ("consumer",),
        kind="counter",
    ),
    Measure(
        "consumer_waits_total",
        "Batches that could not be applied, so that their partition waited.",
        ("consumer",),
        kind="counter",
    ),
    Measure("consumer_partitions", "Partitions this process consumes now.", ("consumer",)),
    Measure(
        "consumer_waiting_partitions",
        "Those of them that wait, by cause: the brake, a bug, or the database.",
        ("consumer", "cause"),
    ),
)  # fmt: skip
"""What a process with the role `consume` measures."""

OUTCOMES = ("applied", "repeated", "skipped", "dead", "queued")
CAUSES = ("brake", "bug", "database")


@dataclass(slots=True)
class Leadership:
    """The lease and the relay of this process, and how it fares with them."""

    lease: Lease | None = None
    relay: Relay | None = None
    takeovers: int = 0
    began: float = 0.0
    """Monotonic seconds at which the lease was last taken."""

    def begin(self) -> None:
        """The lease was taken."""
        self.takeovers += 1
        self.began = time.monotonic()

    def figures(self) -> Mapping[str, float]:
        """The figures of RELAY_MEASURES."""
        led, relay = self.lease is not None and self.lease.held(), self.relay
        return {
            "relay_leader": led,
            "relay_leading_seconds": round(time.monotonic() - self.began, 3) if led else 0.0,
            "relay_takeovers_total": self.takeovers,
            "relay_sent_total": relay.sent if relay else 0,
            "relay_unconfirmed_total": relay.unconfirmed if relay else 0,
            "relay_failures_total": relay.failures if relay else 0,
        }


def count_leadership(app: FastAPI | None, leadership: Leadership) -> None:
    """Have the process's metrics say how it leads."""
    if app is not None:
        metrics: Metrics = app.state.metrics
        metrics.declare(RELAY_MEASURES)
        metrics.counts.append(leadership.figures)


def count_consumers(app: FastAPI | None, consumers: Sequence[Consumer]) -> None:
    """Have the process's metrics say what it consumes."""
    if app is not None:
        metrics: Metrics = app.state.metrics
        metrics.declare(CONSUMER_MEASURES)
        metrics.counts.extend(partial(figures_of, consumer) for consumer in consumers)


def figures_of(consumer: Consumer) -> Mapping[str, float]:
    """The figures of CONSUMER_MEASURES."""
    name, counts = consumer.handlers.consumer, consumer.counts
    waiting = [trouble.cause for trouble in list(consumer.trouble.values())]
    return {
        **{
            f'consumer_records_total{{consumer="{name}",outcome="{each}"}}': getattr(counts, each)
            for each in OUTCOMES
        },
        f'consumer_batches_total{{consumer="{name}"}}': counts.batches,
        f'consumer_waits_total{{consumer="{name}"}}': counts.waits,
        f'consumer_partitions{{consumer="{name}"}}': len(consumer.positions),
        **{
            f'consumer_waiting_partitions{{consumer="{name}",cause="{each}"}}': waiting.count(each)
            for each in CAUSES
        },
    }

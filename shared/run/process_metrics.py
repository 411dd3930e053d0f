"""The figures of a process about its own relaying and consuming."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from shared.consume.consumer import Consumer
from shared.metrics import Measure, Metrics, Sample
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay

LEADER = Measure(
    "relay_leader",
    "1 while this process holds the service's lease, and so relays and runs the jobs; the sum over a service is 1.",
)
LEADING_SECONDS = Measure("relay_leading_seconds", "For how long it has held the lease now; 0: it does not.")
TAKEOVERS = Measure("relay_takeovers_total", "How often it took the lease.", kind="counter")
SENT = Measure("relay_sent_total", "Events sent, and marked as sent.", kind="counter")
UNCONFIRMED = Measure(
    "relay_unconfirmed_total",
    "Events handed to the bus that it did not acknowledge: they are sent again, and absorbed if they had arrived.",
    kind="counter",
)
FAILURES = Measure("relay_failures_total", "Rounds that failed and were begun again.", kind="counter")
RELAY_MEASURES = (LEADER, LEADING_SECONDS, TAKEOVERS, SENT, UNCONFIRMED, FAILURES)
"""The measures of a process with the role `relay`."""

RECORDS = Measure(
    "consumer_records_total",
    "Records by what became of them: applied, repeated (absorbed as known), skipped (a type that is not consumed), "
    "dead or queued (set aside).",
    ("consumer", "outcome"),
    kind="counter",
)
BATCHES = Measure(
    "consumer_batches_total",
    "Batches applied, each of one partition; those of several partitions may share a transaction.",
    ("consumer",),
    kind="counter",
)
WAITS = Measure(
    "consumer_waits_total",
    "Batches that could not be applied, so that their partition waited.",
    ("consumer",),
    kind="counter",
)
PARTITIONS = Measure("consumer_partitions", "Partitions this process consumes now.", ("consumer",))
WAITING_PARTITIONS = Measure(
    "consumer_waiting_partitions",
    "Those of them that wait, by cause: the brake, a bug, or the database.",
    ("consumer", "cause"),
)
CONSUMER_MEASURES = (RECORDS, BATCHES, WAITS, PARTITIONS, WAITING_PARTITIONS)
"""The measures of a process with the role `consume`."""

OUTCOMES = ("applied", "repeated", "skipped", "dead", "queued")
CAUSES = ("brake", "bug", "database")


@dataclass(slots=True)
class Leadership:
    """The lease and the relay of this process, and how often it has led."""

    lease: Lease | None = None
    relay: Relay | None = None
    takeovers: int = 0
    began: float = 0.0
    """Monotonic seconds at which the lease was last taken."""

    def begin(self) -> None:
        """Count that the lease was taken."""
        self.takeovers += 1
        self.began = time.monotonic()

    def samples(self) -> Sequence[Sample]:
        """The samples of RELAY_MEASURES."""
        led, relay = self.lease is not None and self.lease.held(), self.relay
        return (
            LEADER.of(led),
            LEADING_SECONDS.of(round(time.monotonic() - self.began, 3) if led else 0.0),
            TAKEOVERS.of(self.takeovers),
            SENT.of(relay.sent if relay else 0),
            UNCONFIRMED.of(relay.unconfirmed if relay else 0),
            FAILURES.of(relay.failures if relay else 0),
        )


def count_leadership(app: FastAPI | None, leadership: Leadership) -> None:
    """Show how this process leads in its metrics."""
    if app is not None:
        metrics: Metrics = app.state.metrics
        metrics.counted.append(leadership.samples)


def count_consumers(app: FastAPI | None, consumers: Sequence[Consumer]) -> None:
    """Show what this process consumes in its metrics."""
    if app is not None:
        metrics: Metrics = app.state.metrics
        metrics.counted.extend(partial(samples_of, consumer) for consumer in consumers)


def samples_of(consumer: Consumer) -> Sequence[Sample]:
    """The samples of CONSUMER_MEASURES."""
    name, counts = consumer.handlers.consumer, consumer.counts
    causes = [trouble.cause for trouble in list(consumer.trouble.values())]
    return (
        *(RECORDS.of(getattr(counts, outcome), name, outcome) for outcome in OUTCOMES),
        BATCHES.of(counts.batches, name),
        WAITS.of(counts.waits, name),
        PARTITIONS.of(len(consumer.positions), name),
        *(WAITING_PARTITIONS.of(causes.count(cause), name, cause) for cause in CAUSES),
    )

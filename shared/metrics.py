"""Metrics of one service: requests by operation, and figures that are read when they are scraped.

Each service has a registry of its own, because several services share one process in the embedded product. A `Measure`
declares a figure with its sentence. A value exists only as a `Sample` of its measure, so no value can be shown that was
not declared. docs/reference/metrics.md lists the measures.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.db import Read

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NAME = re.compile(r"[a-z][a-z0-9_]*")

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the lines, and nothing here reads them


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: its name without `huitou_`, what it says in one sentence, its labels beside `service`."""

    name: str
    says: str
    labels: Sequence[str] = ()
    kind: Literal["gauge", "counter", "histogram"] = "gauge"
    alarm: str = ""
    """The value that is worth an alarm, and its reason or remedy; empty if none is."""

    def __post_init__(self) -> None:
        assert _NAME.fullmatch(self.name), f"{self.name!r} is no name of a figure"
        assert (self.kind == "counter") == self.name.endswith("_total"), (
            f"{self.name}: counters end in _total"
        )

    @property
    def full_name(self) -> str:
        """The name that Prometheus scrapes."""
        return f"huitou_{self.name}"

    def of(self, value: float, *labels: str) -> "Sample":
        """Return a value of this measure, with a value for each of its labels in their order."""
        return Sample(self, value, labels)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a measure."""

    measure: Measure
    value: float
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.labels) == len(self.measure.labels), f"{self.measure.name} has other labels"


ReadSamples = Callable[[Read], Awaitable[Sequence[Sample]]]
"""Reads samples from the service's database when they are scraped."""
CountSamples = Callable[[], Sequence[Sample]]
"""Returns samples that this process has in memory."""

HTTP_REQUESTS = Measure(
    "http_requests_total", "Requests answered, by operation and status.", ("operation", "status"), "counter"
)
HTTP_REQUEST_SECONDS = Measure(
    "http_request_seconds", "Time from a request's first byte to its answer.", ("operation",), "histogram"
)
HTTP_REQUESTS_IN_FLIGHT = Measure("http_requests_in_flight", "Requests that are being answered now.")
MEASURES = (HTTP_REQUESTS, HTTP_REQUEST_SECONDS, HTTP_REQUESTS_IN_FLIGHT)
"""The measures of every process that answers HTTP."""


class Metrics:
    """The metrics of one service. Their names begin with `huitou_`, and they carry the label `service`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self.read: list[ReadSamples] = []
        """Called at each scrape with a reader of the service's database."""
        self.counted: list[CountSamples] = [lambda: [HTTP_REQUESTS_IN_FLIGHT.of(self.in_flight)]]
        """Called at each scrape."""
        self.in_flight = 0
        """Requests being answered now: a draining service waits until there is none."""
        self._requests = Counter(
            HTTP_REQUESTS.full_name,
            HTTP_REQUESTS.says,
            ("service", *HTTP_REQUESTS.labels),
            registry=self.registry,
        )
        self._seconds = Histogram(
            HTTP_REQUEST_SECONDS.full_name,
            HTTP_REQUEST_SECONDS.says,
            ("service", *HTTP_REQUEST_SECONDS.labels),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._gathered = Gathered(service)
        self.registry.register(self._gathered)
        self._by_status: dict[tuple[str, int], Counter] = {}
        self._times: dict[str, Histogram] = {}

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        count = self._by_status.get((operation, status))
        if count is None:
            count = self._requests.labels(self.service, operation, str(status))
            self._by_status[operation, status] = count
        count.inc()
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = self._seconds.labels(self.service, operation)
        times.observe(seconds)

    async def render(self, read: Read | None) -> bytes:
        """Return all metrics in Prometheus' text format; without a reader, those of the database are left out."""
        samples = [sample for count in self.counted for sample in count()]
        if read is not None:
            for read_samples in self.read:
                samples += await read_samples(read)
        # Nothing is awaited from here on, so a second scrape cannot replace these samples.
        self._gathered.samples = samples
        return generate_latest(self.registry)


@dataclass(slots=True, eq=False)
class Gathered(Collector):
    """Collects the samples of the present scrape. Most are read asynchronously, which a collector cannot do itself."""

    service: str
    samples: Sequence[Sample] = ()

    def describe(self) -> Iterator[Metric]:
        """Return nothing: before the first scrape no sample is known."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the samples, grouped by measure."""
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for sample in self.samples:
            name = sample.measure.name
            family = families.get(name) or families.setdefault(name, _family(sample.measure))
            family.add_metric((self.service, *sample.labels), sample.value)
        return iter(families.values())


def _family(measure: Measure) -> GaugeMetricFamily | CounterMetricFamily:
    assert measure.kind != "histogram", "a histogram is observed, not gathered"
    kind = CounterMetricFamily if measure.kind == "counter" else GaugeMetricFamily
    return kind(measure.full_name, measure.says, labels=("service", *measure.labels))

"""Metrics of one service: requests by operation, and figures asked for when they are scraped.

Each service has a registry of its own, because several of them share one process in the embedded product.
"""

import re
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared.db import Read

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\{[^{}\n]*\})?")

Figures = Callable[[Read], Awaitable[Mapping[str, float]]]
"""Reads figures when they are asked for: `{"outbox_pending": 3, 'consumer_lag{topic="x"}': 0}`."""


class Metrics:
    """What one service measures; names begin with `huitou_`, and carry the label `service`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self.figures: list[Figures] = []
        """Asked at each scrape, on a reader of the service's database."""
        self._requests = Counter(
            "huitou_http_requests",
            "Requests answered.",
            ("service", "operation", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "huitou_http_request_seconds",
            "Time to answer.",
            ("service", "operation"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = 0
        """Requests being answered now: a draining service waits until there is none."""
        self._counts: dict[tuple[str, int], Counter] = {}
        self._times: dict[str, Histogram] = {}

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count one request."""
        count = self._counts.get((operation, status))
        if count is None:
            count = self._requests.labels(self.service, operation, str(status))
            self._counts[operation, status] = count
        count.inc()
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = self._seconds.labels(self.service, operation)
        times.observe(seconds)

    def counter(self, name: str, says: str, labels: tuple[str, ...] = ()) -> Counter:
        """A counter of this service, `huitou_<name>_total`."""
        return Counter(f"huitou_{name}", says, labels, registry=self.registry)

    def gauge(self, name: str, says: str, labels: tuple[str, ...] = ()) -> Gauge:
        """A gauge of this service, `huitou_<name>`."""
        return Gauge(f"huitou_{name}", says, labels, registry=self.registry)

    def histogram(self, name: str, says: str, labels: tuple[str, ...] = ()) -> Histogram:
        """A histogram of seconds of this service, `huitou_<name>`."""
        return Histogram(f"huitou_{name}", says, labels, buckets=SECONDS, registry=self.registry)

    async def render(self, read: Read | None) -> bytes:
        """Everything in Prometheus' text format; figures only where the database can be read."""
        lines = [
            f"huitou_http_requests_in_flight{{service={self.service!r}}} {self.in_flight}".replace("'", '"')
        ]
        if read is not None:
            for figures in self.figures:
                lines += [self._line(name, value) for name, value in (await figures(read)).items()]
        return generate_latest(self.registry) + "".join(f"{line}\n" for line in lines).encode()

    def _line(self, name: str, value: float) -> str:
        assert _NAME.fullmatch(name), f"{name!r} is no name of a figure"
        bare, brace, labels = name.partition("{")
        more = f",{labels[:-1]}" if brace and labels != "}" else ""
        return f'huitou_{bare}{{service="{self.service}"{more}}} {float(value):g}'

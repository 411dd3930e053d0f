"""Metrics of one service: requests by operation, and figures asked for when they are scraped.

Each service has a registry of its own, because several of them share one process in the embedded product. Every figure
is declared as a Measure, with a sentence: docs/reference/metrics.md lists them, and one that is not declared is a bug.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared.db import Read

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\{([^{}\n]*)\})?")
_LABEL = re.compile(r'([a-z_]+)="[^"\\]*"(?:,|$)')

Figures = Callable[[Read], Awaitable[Mapping[str, float]]]
"""Reads figures when they are asked for: `{"outbox_pending": 3, 'consumer_lag{topic="x"}': 0}`."""
Counts = Callable[[], Mapping[str, float]]
"""Figures that this process has at hand, under the same names."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the lines, and nobody asks when a counter was made


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure: its name without `huitou_`, what it says in one sentence, its labels beside `service`."""

    name: str
    says: str
    labels: Sequence[str] = ()
    kind: Literal["gauge", "counter", "histogram"] = "gauge"

    @property
    def full_name(self) -> str:
        """The name it is scraped by."""
        return f"huitou_{self.name}"


MEASURES = (
    Measure(
        "http_requests_total",
        "Requests answered, by operation and status.",
        ("operation", "status"),
        kind="counter",
    ),
    Measure(
        "http_request_seconds", "Time from a request's first byte to its answer.", ("operation",), "histogram"
    ),
    Measure("http_requests_in_flight", "Requests that are being answered now."),
)
"""What every process that answers HTTP measures of itself."""


class Metrics:
    """What one service measures; names begin with `huitou_`, and carry the label `service`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self.figures: list[Figures] = []
        """Asked at each scrape, on a reader of the service's database."""
        self.counts: list[Counts] = []
        """Asked at each scrape, of this process itself."""
        self.measures: dict[str, Measure] = {}
        """What may be measured, by name."""
        requests, seconds, _ = MEASURES
        self._requests = Counter(
            requests.full_name, requests.says, ("service", *requests.labels), registry=self.registry
        )
        self._seconds = Histogram(
            seconds.full_name,
            seconds.says,
            ("service", *seconds.labels),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = 0
        """Requests being answered now: a draining service waits until there is none."""
        self._by_status: dict[tuple[str, int], Counter] = {}
        self._times: dict[str, Histogram] = {}
        self.declare(MEASURES)
        self.counts.append(lambda: {"http_requests_in_flight": self.in_flight})

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

    def declare(self, measures: Iterable[Measure]) -> None:
        """Say what will be measured."""
        self.measures.update({measure.name: measure for measure in measures})

    async def render(self, read: Read | None) -> bytes:
        """Everything in Prometheus' text format; figures only where the database can be read."""
        values: dict[str, float] = {}
        for count in self.counts:
            values.update(count())
        if read is not None:
            for figures in self.figures:
                values.update(await figures(read))
        return generate_latest(self.registry) + "".join(self._lines(values)).encode()

    def _lines(self, values: Mapping[str, float]) -> Iterable[str]:
        """The lines of figures, those of one measure together, under its sentence."""
        by_name: dict[str, list[str]] = {}
        for name, value in values.items():
            bare, line = self._line(name, value)
            by_name.setdefault(bare, []).append(line)
        for bare, lines in by_name.items():
            measure = self.measures[bare]
            yield f"# HELP {measure.full_name} {measure.says}\n# TYPE {measure.full_name} {measure.kind}\n"
            yield from (f"{line}\n" for line in lines)

    def _line(self, name: str, value: float) -> tuple[str, str]:
        """The measure that a figure is of, and its line."""
        matched = _NAME.fullmatch(name)
        assert matched, f"{name!r} is no name of a figure"
        bare, labels = matched[1], matched[2] or ""
        assert bare in self.measures, f"the figure {bare!r} is not declared"
        named = tuple(_LABEL.findall(labels))
        assert not _LABEL.sub("", labels), f"{name!r} has labels that are none"
        assert named == tuple(self.measures[bare].labels), f"{name!r} has other labels than were declared"
        more = f",{labels}" if labels else ""
        number = str(int(value)) if float(value).is_integer() else repr(float(value))
        return bare, f'huitou_{bare}{{service="{self.service}"{more}}} {number}'

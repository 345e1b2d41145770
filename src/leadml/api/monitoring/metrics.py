"""What the service counts, in the form that Prometheus reads.

Counters and the histogram live in the process, or with several workers in files of a folder that
all share, so that whichever is asked answers for all. What is no count (queues, ages, drift) every
process tells in a `Reading`: see `leadml.api.serving.readings`. No label holds anything of a lead
or a key: their values are few and known.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the buckets of request times."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"

Role = str
"""``champion`` or ``shadow``."""

Gauges = Callable[[], Iterable[GaugeMetricFamily]]


class Metrics:
    """Counts what happens, and writes it down when asked.

    Counting takes about a microsecond: series are looked up once and kept.

    Parameters
    ----------
    folder : Path, optional
        Shared by the workers of one service; default the process counts for itself.

    Attributes
    ----------
    gauges : callable
        Gives what is measured when asked, not counted.
    webhooks : callable
        Gives the number of webhooks by state: pending, delivered, dead.
    """

    def __init__(self, folder: Path | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.folder = folder
        self.gauges: Gauges = tuple
        self.webhooks: Callable[[], Mapping[str, int]] = dict
        self._registry = CollectorRegistry()
        own = self._registry if folder is None else None  # with a folder, files are read instead
        self._seconds = Histogram(
            "leadml_request_seconds",
            "Time from a request's first byte at the gate to the last of its answer.",
            ("route", "method", "status"),
            buckets=SECONDS,
            registry=own,
        )

        def counter(name: str, told: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(name, told, labels, registry=own)

        self._scores = counter(
            "leadml_scores_total",
            "Scores answered, repeats among them, by band, model version and role.",
            ("band", "model_version", "role"),
        )
        self._unrecorded = counter(
            "leadml_scores_unrecorded_total", 'Scores answered with "recorded": false.'
        )
        self._overload = counter(
            "leadml_overload_total", "Requests answered 503 because too much was waiting."
        )
        self._limited = counter(
            "leadml_rate_limited_total", "Requests answered 429, by the key's name.", ("key",)
        )
        self._load_failures = counter(
            "leadml_model_load_failures_total", "Times that a named version could not be loaded."
        )
        self._shadow_missed = counter(
            "leadml_shadow_missed_total", "Leads of the shadow that were not scored.", ("why",)
        )
        self._dropped_lines = counter(
            "leadml_log_lines_dropped_total", "Log lines dropped because nobody read them in time."
        )
        self._timed: dict[tuple[str, str, int], Histogram] = {}
        self._scored: dict[tuple[str, str, Role], Counter] = {}
        self._registry.register(_Asked(self._measured))
        if folder is not None:
            MultiProcessCollector(self._registry, str(folder))  # type: ignore[no-untyped-call]

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its template, never the path that was asked for."""
        timed = self._timed.get((route, method, status))
        if timed is None:
            timed = self._seconds.labels(route, method if method in METHODS else OTHER, status)
            self._timed_by(route, method, status, timed)
        timed.observe(seconds)

    def _timed_by(self, route: str, method: str, status: int, timed: Histogram) -> None:
        if method in METHODS:  # what else callers call themselves must not fill memory
            self._timed[route, method, status] = timed

    def scored(self, band: str, version: str, role: Role = "champion", leads: int = 1) -> None:
        """Count leads that were scored."""
        counter = self._scored.get((band, version, role))
        if counter is None:
            counter = self._scored[band, version, role] = self._scores.labels(band, version, role)
        counter.inc(leads)

    def unrecorded(self, scores: int = 1) -> None:
        """Count scores that the ledger will not keep."""
        self._unrecorded.inc(scores)

    def overloaded(self) -> None:
        """Count a request that was turned away because too much waits."""
        self._overload.inc()

    def rate_limited(self, key: str) -> None:
        """Count a request beyond what a key may ask; `key` is its name, never the key."""
        self._limited.labels(key).inc()

    def load_failed(self) -> None:
        """Count a version that was named and could not be loaded."""
        self._load_failures.inc()

    def shadow_missed(self, why: str) -> None:
        """Count a lead of the shadow that was not scored: too much waited, or it could not be."""
        self._shadow_missed.labels(why).inc()

    def lines_dropped(self, lines: int = 1) -> None:
        """Count log lines that were dropped."""
        self._dropped_lines.inc(lines)

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _measured(self) -> Iterable[Metric]:
        yield from self.gauges()
        states = self.webhooks()
        if states:
            family = GaugeMetricFamily(
                "leadml_webhooks", "Webhooks kept, by state.", labels=("state",)
            )
            for state, count in states.items():
                family.add_metric([state], count)
            yield family


class _Asked:
    """A collector that computes nothing before it is asked."""

    def __init__(self, ask: Callable[[], Iterable[Metric]]) -> None:
        self._ask = ask

    def collect(self) -> Iterable[Metric]:
        """Return what is measured now."""
        return self._ask()

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not measure."""
        return ()

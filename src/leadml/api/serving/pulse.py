"""What the service does every few seconds beside answering: count drift, tell how it stands."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily

from leadml.api.monitoring.metrics import Metrics
from leadml.api.recording.recorder import Recorder
from leadml.api.serving.champion import Champion
from leadml.api.serving.drift_window import DriftWindow, Sample, Scored, drift_of
from leadml.api.serving.lean import Touches, lean
from leadml.api.serving.readings import (
    Reading,
    forget_reading,
    gauges,
    other_readings,
    resident_bytes,
    write_reading,
)
from leadml.workflows.score import Scorer

SECONDS = 5.0

Also = Callable[[Mapping[str, Any], Mapping[str, object], Touches, Touches], None]

log = logging.getLogger("leadml.api")


class Pulse:
    """A thread that keeps the process's reading fresh.

    Parameters
    ----------
    champion : Champion
    recorder : Recorder
    metrics : Metrics
        Is told what to show when it is asked.

    also : callable, optional
        Is told the same of every lead that was scored: the shadow.
    """

    def __init__(
        self,
        champion: Champion,
        recorder: Recorder,
        metrics: Metrics,
        *,
        also: Also | None = None,
    ) -> None:
        self._champion, self._recorder = champion, recorder
        self._folder = metrics.folder
        self._metrics = metrics
        self._also = also
        self._sample = Sample(self._held)
        self._window: DriftWindow | None = None
        self._beating = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        metrics.gauges = self.gauges

    def start(self) -> None:
        """Start."""
        self._over.clear()
        self._thread = threading.Thread(target=self._run, name="leadml pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and take the reading back."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._folder is not None:
            forget_reading(self._folder, os.getpid())

    def _held(self, scored: Scored) -> Scored | None:
        scorer = self._champion.scorer
        if scorer is None:
            return None
        told = lean(scorer, scored.lead, scored.activities, scored.account_activities)
        return None if told is None else Scored(*told, scored.as_of)

    def scored(
        self,
        answer: Mapping[str, Any],
        lead: Mapping[str, object],
        activities: Touches,
        account_activities: Touches,
    ) -> None:
        """Count a lead that was scored: what was answered, and what for."""
        self._metrics.scored(answer["band"], answer["model_version"])
        self._sample.take(Scored(lead, activities, account_activities, answer["as_of"]))
        if not answer["recorded"]:
            self._metrics.unrecorded()
        if self._also is not None:
            self._also(answer, lead, activities, account_activities)

    def beat(self) -> Reading:
        """Count what was scored since the last time; return how the process stands."""
        with self._beating:
            reading = self._reading()
            if self._folder is not None:
                write_reading(self._folder, reading)
        return reading

    def _reading(self) -> Reading:
        scorer = self._champion.scorer
        return Reading(
            pid=os.getpid(),
            version=None if scorer is None else scorer.version,
            age=None if scorer is None else _age(scorer),
            refused=bool(self._champion.problem),
            waiting=self._recorder.waiting,
            lag=self._recorder.lag_seconds,
            resident=resident_bytes(),
            counts=() if scorer is None else self._counts(scorer),
        )

    def gauges(self) -> Iterable[GaugeMetricFamily]:
        """Return how all processes stand together."""
        own = self.beat()
        others = () if self._folder is None else other_readings(self._folder, own.pid)
        readings = [own, *others]
        scorer = self._champion.scorer
        counts = [r.counts for r in readings if r.version == own.version]
        return gauges(readings, None if scorer is None else drift_of(scorer, counts))

    def _counts(self, scorer: Scorer) -> tuple[int, ...]:
        if self._window is None or self._window.version != scorer.version:
            self._window = DriftWindow(scorer)
        self._window.count(self._sample.empty())
        return tuple(self._window.counts())

    def _run(self) -> None:
        while True:
            try:
                self.beat()
            except Exception as fault:  # nothing here may end the thread, or quote a lead
                log.error("the service's pulse failed: %s", type(fault).__name__)  # noqa: TRY400
            if self._over.wait(SECONDS):
                return


def _age(scorer: Scorer) -> float | None:
    """Return seconds since the version was trained; None where its manifest does not say."""
    trained_at = scorer.manifest.get("trained_at")
    if not isinstance(trained_at, str):
        return None
    return (datetime.now(UTC) - datetime.fromisoformat(trained_at)).total_seconds()

"""What every process of the service tells of itself, put together for whoever asks one of them.

With several workers each writes its reading to the folder they share; the one that is asked reads
them all. A reading whose process is gone counts for nothing.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily

from leadml.api.monitoring.shared_folder import reading_path
from leadml.api.serving.drift_window import LiveDrift


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One process now.

    Attributes
    ----------
    pid : int
    version : str or None
        The version that scores; None without any.
    age : float or None
        Seconds since it was trained; None where that is not known.
    refused : bool
        Whether the version named as champion could not be loaded.
    waiting : int
        Scores that are not yet in the ledger.
    lag : float
        Seconds since the oldest of them was answered.
    resident : int
        Bytes of memory.
    counts : tuple of int
        Leads scored lately, in the bins of the version's reference.
    """

    pid: int
    version: str | None = None
    age: float | None = None
    refused: bool = False
    waiting: int = 0
    lag: float = 0.0
    resident: int = 0
    counts: tuple[int, ...] = ()


def write_reading(folder: Path, reading: Reading) -> None:
    """Put a reading where the other workers find it, in one step."""
    path = reading_path(folder, reading.pid)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(asdict(reading)), "utf-8")
    draft.replace(path)


def other_readings(folder: Path, pid: int) -> list[Reading]:
    """Return the readings of the other workers that live."""
    found = []
    for path in folder.glob(reading_path(folder, "*").name):
        try:
            values = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue  # its worker ended meanwhile
        reading = Reading(**values | {"counts": tuple(values["counts"])})
        if reading.pid != pid and _lives(reading.pid):
            found.append(reading)
    return found


def forget_reading(folder: Path, pid: int) -> None:
    """Remove the reading of a process that ended."""
    reading_path(folder, pid).unlink(missing_ok=True)


def resident_bytes() -> int:
    """Return the memory of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def gauges(readings: Sequence[Reading], drift: LiveDrift | None) -> Iterable[GaugeMetricFamily]:
    """Return the readings of all processes as gauges."""
    yield _gauge("leadml_workers", "Processes that answer.", len(readings))
    yield _gauge(
        "leadml_resident_bytes", "Memory of the largest process.", max(r.resident for r in readings)
    )
    yield from _of_models(readings)
    yield _gauge(
        "leadml_recorder_waiting",
        "Scores that are not yet in the ledger.",
        sum(r.waiting for r in readings),
    )
    yield _gauge(
        "leadml_ledger_lag_seconds",
        "Age of the oldest score that is not yet in the ledger.",
        max(r.lag for r in readings),
    )
    if drift is not None:
        yield from _of_drift(drift)


def _of_models(readings: Sequence[Reading]) -> Iterable[GaugeMetricFamily]:
    serving = Counter(r.version for r in readings if r.version is not None)
    info = GaugeMetricFamily(
        "leadml_model_info", "Processes that score with this version.", labels=("version",)
    )
    for version, processes in sorted(serving.items()):
        info.add_metric([version], processes)
    yield info
    ages = [r.age for r in readings if r.age is not None]
    if ages:
        told = "Time since the version that scores was trained."
        yield _gauge("leadml_model_age_seconds", told, max(ages))
    yield _gauge(
        "leadml_model_refused",
        "1 while the version named as champion cannot be loaded.",
        max(r.refused for r in readings),
    )


def _of_drift(drift: LiveDrift) -> Iterable[GaugeMetricFamily]:
    yield _gauge("leadml_drift_leads", "Leads scored lately that drift compares.", drift.leads)
    psi = GaugeMetricFamily(
        "leadml_drift_psi",
        "Population stability index of a feature: leads scored lately against training leads.",
        labels=("feature",),
    )
    chance = GaugeMetricFamily(
        "leadml_drift_psi_by_chance",
        "What the index of a feature is on average where nothing has changed.",
        labels=("feature",),
    )
    for feature, found in drift.features.items():
        psi.add_metric([feature], found.psi)
        chance.add_metric([feature], found.expected)
    yield psi
    yield chance
    yield _gauge(
        "leadml_drift_score_psi", "Population stability index of the scores.", drift.scores.psi
    )
    yield _gauge(
        "leadml_drift_score_psi_by_chance",
        "What the index of the scores is on average where nothing has changed.",
        drift.scores.expected,
    )


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=float(value))

"""How several processes stand, told as one."""

import os
import subprocess
import sys
from pathlib import Path

from leadml.api.serving.drift_window import LiveDrift
from leadml.api.serving.readings import (
    Reading,
    forget_reading,
    gauges,
    other_readings,
    resident_bytes,
    write_reading,
)
from leadml.evaluation.stability import Stability

ONE = Reading(
    pid=1, version="3", age=50.0, waiting=2, lag=0.5, resident=10, counts=(1, 2), refused=False
)
OTHER = Reading(pid=2, version="4", age=9.0, waiting=3, lag=1.5, resident=30, refused=True)
WITHOUT = Reading(pid=3)


def told(readings: list[Reading], drift: LiveDrift | None = None) -> dict[str, float]:
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in gauges(readings, drift)
        for sample in family.samples
    }


def test_sums_and_the_worst_of_all() -> None:
    assert told([ONE, OTHER, WITHOUT]) == {
        "leadml_workers": 3,
        "leadml_resident_bytes": 30,
        "leadml_model_info 3": 1,
        "leadml_model_info 4": 1,
        "leadml_model_age_seconds": 50,
        "leadml_model_refused": 1,
        "leadml_recorder_waiting": 5,
        "leadml_ledger_lag_seconds": 1.5,
    }


def test_without_a_model_there_is_no_age() -> None:
    assert "leadml_model_age_seconds" not in told([WITHOUT])


def test_drift_with_what_chance_gives() -> None:
    drift = LiveDrift(500, {"size": Stability(0.3, 0.02, 10)}, Stability(0.1, 0.01, 10))
    found = told([ONE], drift)
    assert found["leadml_drift_leads"] == 500
    assert found["leadml_drift_psi size"] == 0.3
    assert found["leadml_drift_psi_by_chance size"] == 0.02
    assert found["leadml_drift_score_psi"] == 0.1
    assert found["leadml_drift_score_psi_by_chance"] == 0.01


def test_the_readings_of_others_that_live(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive = Reading(pid=os.getppid(), version="3", counts=(1, 2, 3))
    for reading in (alive, Reading(pid=ended.pid), Reading(pid=os.getpid())):
        write_reading(tmp_path, reading)
    assert other_readings(tmp_path, os.getpid()) == [alive]
    forget_reading(tmp_path, alive.pid)
    forget_reading(tmp_path, alive.pid)
    assert other_readings(tmp_path, os.getpid()) == []


def test_a_process_has_memory() -> None:
    assert 10_000_000 < resident_bytes() < 10_000_000_000

"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a test: no example has to end within a time of the clock.
settings.register_profile("leadml", deadline=None)
settings.load_profile("leadml")

# Third-party start-up chatter that would turn into warnings or network calls.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MPLBACKEND", "agg")


def pytest_make_parametrize_id(config: pytest.Config, val: object) -> str | None:
    """Name gzipped bytes by their length: they hold the second they were made in.

    Workers that collect at different seconds would otherwise not agree on the tests' names.
    """
    is_gzip = isinstance(val, bytes) and val.startswith(b"\x1f\x8b")
    return f"gzip of {len(val)} bytes" if is_gzip else None


@pytest.fixture(scope="session")
def datasets() -> Path:
    """Return the folder of the public data sets; skip the test where it is not given."""
    folder = os.environ.get("LEADML_DATASETS")
    if not folder:
        pytest.skip("LEADML_DATASETS is not set: the public data sets are not here")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"LEADML_DATASETS names no folder: {folder}")
    return path


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own keys and tracking server out of the tests."""
    for name in ("LEADML_API_KEYS", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)

"""The folder that the workers of one service share while it runs; imports nothing."""

import os
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder; prometheus_client reads it when it is imported."""


def shared_folder() -> Path | None:
    """Return the folder that the workers of this service share; None in a single process."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def reading_path(folder: Path, pid: int | str) -> Path:
    """Return where a worker tells how it stands."""
    return folder / f"reading_{pid}.json"

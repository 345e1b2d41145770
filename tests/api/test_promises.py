"""The whole API keeps what its description promises: every check of Schemathesis.

`make fuzz` asks far more (LEADML_FUZZ).
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadml.api.application import create_app

CONFIG = Path(__file__).parents[1] / "benchmarks" / "schemathesis.toml"
LONG = int(os.environ.get("LEADML_FUZZ", "0"))
EXAMPLES = max(4, LONG // 50)
ADMIN = "an administrator's key"


@pytest.mark.parametrize("keys", [(ADMIN,), ()][: 2 if LONG else 1], ids=str)
def test_every_check_holds(
    keys: tuple[str, ...], service: Any, serve_app: Any, tmp_path: Path
) -> None:
    """Answers, refusals, media types, headers, methods and keys are as described."""
    store = f"sqlite:///{tmp_path / 'ledger.db'}"
    settings = replace(service.app.state.settings, store_url=store, admin_keys=keys)
    with serve_app(create_app(settings)) as running:
        asked = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
                *("--no-color", "run", f"{running.url}/openapi.json", "--checks", "all"),
                *("--max-examples", str(EXAMPLES), "--seed", "1", "--continue-on-failure"),
                *(word for key in keys for word in ("--header", f"Authorization: Bearer {key}")),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert asked.returncode == 0, asked.stdout[-4000:] + asked.stderr[-1000:]
    assert "No issues found" in asked.stdout

"""A service under load: a killed worker and another champion cost no acknowledged score."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CAMPAIGN = ROOT / "tests" / "benchmarks" / "chaos.py"


def test_a_killed_worker_and_another_champion_cost_no_acknowledged_score() -> None:
    """A short run of the campaign; its callers have eight connections between them."""
    words = ["--only", "kill,swap", "--calm", "0.6", "--rate", "60", "--json"]
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    killed, swapped = json.loads(done.stdout)
    for tally in (killed, swapped):
        assert (tally["lost"], tally["doubled"], tally["not_recorded"]) == (0, 0, 0)
        assert tally["acknowledged"] > 30
        assert tally["recovery_seconds"] is not None
        failed = sum(tally["errors"].values())
        assert tally["acknowledged"] + failed == tally["requests"]
    assert set(killed["errors"]) <= {"connection lost"}
    assert sum(killed["errors"].values()) <= 8
    assert swapped["errors"] == {}
    assert "never" not in swapped["note"]


def test_the_table_in_the_docs_is_of_this_campaign() -> None:
    campaign = CAMPAIGN.read_text("utf-8")
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    table = page.split("<!-- make chaos -->", 1)[1].split("<!-- end of make chaos -->")[0]
    rows = [line.split(" | ")[0].strip("| ") for line in table.splitlines() if "|" in line][2:]
    assert len(rows) == campaign.count("    Scenario(\n") + campaign.count('    Scenario("')
    for told in rows:
        assert f'"{told}"' in campaign

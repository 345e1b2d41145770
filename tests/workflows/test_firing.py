"""What each rule gave, in firings, on leads as of when each was judged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadml.settings import load_settings
from leadml.workflows.firing import fired_on, points_under

TOML = """
[leads]
id = "id"
outcome = "stage"
won = ["won"]
lost = ["lost"]
created_at = "created"
account = "company"

[activities]
lead = "id"
at = "at"
kind = "kind"

[sales_ready]
snapshot_days = 2

[[points.rules]]
name = "mails"
points = 8
activity = "open"
per = "each"
max_points = 20
half_life_days = 1
group = "behaviour"

[[points.rules]]
name = "nothing"
points = 0
activity = "open"
per = "each"
max_points = 5

[[points.rules]]
name = "large"
points = -6
column = "size"
at_least = 500

[points.caps]
behaviour = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leadml.toml").write_text(TOML)
    rows = 60
    leads = pd.DataFrame(
        {
            "id": [f"L{i}" for i in range(rows)],
            "stage": ["won", "lost"] * (rows // 2),
            # newest first
            "created": [f"2025-03-{30 - i // 2:02d}" for i in range(rows)],
            "company": [f"C{i // 3}" for i in range(rows)],
            "size": [900 if i < 10 else 5 for i in range(rows)],
        }
    )
    leads.to_csv(tmp_path / "leads.csv", index=False)
    touches = [
        # L0 was created on 30 March and is judged two days later, on 1 April
        ("L0", "2025-03-31", "open"),  # a day old: half
        ("L0", "2025-03-30", "open"),  # two days: a quarter
        ("L0", "2025-04-01", "open"),  # not before the moment
        *(("L1", "2025-03-31T23:59:59", "open") for _ in range(4)),  # 32 points, at most 20
    ]
    pd.DataFrame(touches, columns=["id", "at", "kind"]).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path


def test_firings_keep_decay_counts_and_their_own_cap_but_not_the_groups(folder: Path) -> None:
    settings = load_settings(folder / "leadml.toml")
    fired = fired_on(
        folder / "leads.csv",
        settings=settings,
        activities=folder / "a.csv",
        history=None,
        table=None,
        as_of="2026-01-01",
    )
    place = {int(row): position for position, row in enumerate(fired.rows)}
    first, second = fired.firing.unit[place[0]], fired.firing.unit[place[1]]
    assert first == pytest.approx([0.75, 2, 1], abs=1e-3)  # 0 points: still seen to fire
    assert second == pytest.approx([20 / 8, 4, 1], abs=1e-3)
    # the cap of 3 on the group holds for the score alone
    assert fired.score.total[place[0]] == 3 - 6
    assert (np.diff(fired.moments) >= 0).all()
    assert fired.firing.accounts[place[0]] == fired.firing.accounts[place[2]]
    assert fired.firing.accounts[place[0]] != fired.firing.accounts[place[3]]
    assert fired.firing.won[place[0]]
    assert not fired.firing.won[place[1]]
    again = points_under(fired, settings.definition, settings.definition.points)
    np.testing.assert_array_equal(again.total, fired.score.total)

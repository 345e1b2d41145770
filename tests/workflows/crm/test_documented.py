"""The connector of docs/crm.md, as it stands there."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadml.settings import Settings
from leadml.store.ledger import Ledger

PAGE = Path(__file__).parents[3] / "docs" / "crm.md"


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "class CsvCrm" in block)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_documented_connector_works(
    documented: dict[str, Any], wired: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "crm.csv"
    names = "id,stage,created,handed,closed,size,source,seen,changed_at,score,why,mark\n"
    open_lead = "L{:03},Open,2026-03-02,,,{},Ads,,2026-03-02T10:00:00+00:00,,,\n"
    rows = [open_lead.format(number, number * 10) for number in range(205)]
    rows[7] = "L007,Won,2026-03-02,2026-03-03,2026-03-04,70,Ads,,2026-03-04T10:00:00+00:00,,,\n"
    path.write_text(names + "".join(rows))
    first = documented["run"](path, config=wired)
    assert (first["read"], first["pages"], first["written"], first["outcomes"]) == (205, 3, 204, 1)
    told = read(path)
    assert told[7]["score"] == ""
    assert [0 < float(row["score"]) < 1 for row in told[:7]] == [True] * 7
    assert all(re.fullmatch("[0-9a-f]{16}", row["mark"]) for row in told[:7])
    # -1 + 0.5 + 0.25 - 1 for its age: -1.25
    assert told[0]["why"].startswith("22.3 % (band B), 0 points: not now")
    with Ledger.open(wired.store_url) as ledger:
        assert ledger.counts()["by_kind"] | {"scored": 204, "won": 1} == ledger.counts()["by_kind"]
    again = documented["run"](path, config=replace(wired))
    assert (again["read"], again["written"], again["outcomes"]) == (0, 0, 0)  # changed long ago
    assert read(path) == told

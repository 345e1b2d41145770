"""Web sessions as leads, whichever way the purchase is written."""

import tomllib
from pathlib import Path

import pytest

from leadml.data.datasets.online_shoppers import prepare_online_shoppers


@pytest.mark.parametrize(
    ("values", "won", "lost"), [(("0", "1"), [1], [0]), (("FALSE", "TRUE"), [True], [False])]
)
def test_revenue_may_be_a_number_or_a_boolean(
    values: tuple[str, str], won: list[object], lost: list[object], tmp_path: Path
) -> None:
    path = tmp_path / "sessions.csv"
    rows = [f"{value},May,1.5" for value in values]
    path.write_text("\n".join(["Revenue,Month,PageValues", *rows]))
    prepared = prepare_online_shoppers(path)
    leads = tomllib.loads(prepared.definition)["leads"]
    assert (leads["won"], leads["lost"], "ignore" in leads) == (won, lost, False)
    assert prepared.leads["lead_id"].tolist() == ["S00001", "S00002"]
    assert prepared.leads["Revenue"].tolist() == list(values)
    assert prepared.activities is None

"""Fetch and prepare as the command line and Python call them."""

from pathlib import Path

import pytest

from leadml.errors import DataError
from leadml.workflows.datasets import FetchRun, PrepareRun, prepare

SALVIRT = "Seller;Source;Budgt_alloc;Status\nSeller 1;Media;Yes;Won\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "Salvirt_B2B_ML_dataset_HF.csv"
    file.write_text(SALVIRT)
    return file


def test_prepare_writes_leads_and_the_agreement(source: Path, tmp_path: Path) -> None:
    run = prepare("b2b", source, tmp_path / "out")
    assert run.leads.read_text() == "Seller,Source,Budgt_alloc,Status\nSeller 1,Media,Yes,Won\n"
    assert run.config.read_text().startswith("# Salvirt B2B")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["leadml.toml", "leads.csv"]
    assert run.to_dict() == {
        "name": "salvirt-b2b",
        "config": str(tmp_path / "out" / "leadml.toml"),
        "leads": {"path": str(tmp_path / "out" / "leads.csv"), "rows": 1},
        "activities": None,
        "warnings": [run.warnings[0]],
    }


def test_prepare_writes_over_nothing_unless_told_to(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "leadml.toml").write_text("mine")
    with pytest.raises(DataError, match=r"leadml.toml is there already: use --force"):
        prepare("b2b", source, out)
    assert not (out / "leads.csv").exists()
    prepare("b2b", source, out, force=True)
    assert (out / "leadml.toml").read_text() != "mine"


def test_activities_are_counted_where_there_are_any() -> None:
    run = PrepareRun(
        name="bpi2012",
        config=Path("c"),
        leads=Path("l"),
        activities=Path("a"),
        lead_count=2,
        activity_count=5,
        warnings=(),
    )
    assert run.to_dict()["activities"] == {"path": "a", "rows": 5}


def test_a_file_that_was_there_was_not_fetched() -> None:
    run = FetchRun(name="bank-marketing", path=Path("x.csv"), url="", sha256="0" * 64)
    assert run.to_dict() == {
        "name": "bank-marketing",
        "path": "x.csv",
        "fetched": False,
        "url": None,
        "sha256": "0" * 64,
    }

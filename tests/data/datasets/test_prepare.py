"""Preparing by name: the file is found and its checksum looked at."""

import tomllib
from pathlib import Path

import pytest

from leadml.data.datasets.catalogue import DATASETS, Dataset, find_dataset
from leadml.data.datasets.prepare import prepare_dataset
from leadml.settings import settings_from

SALVIRT = "Seller;Source;Budgt_alloc;Status\nSeller 1;Media;Yes;Won\nSeller 1;Media;Yes;Won\n"


def test_another_file_than_the_published_one_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "Salvirt_B2B_ML_dataset_HF.csv").write_text(SALVIRT)
    prepared, warnings = prepare_dataset(find_dataset("salvirt"), tmp_path)
    assert len(prepared.leads) == 2
    assert len(warnings) == 1
    assert "is not the published file (sha256 " in warnings[0]
    assert "expected 8dee635b95bd" in warnings[0]


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_the_shared_files_are_the_published_ones(dataset: Dataset, datasets: Path) -> None:
    prepared, warnings = prepare_dataset(dataset, datasets)
    assert warnings == ()
    settings = settings_from(tomllib.loads(prepared.definition), path=datasets / "leadml.toml")
    mapping = settings.definition.leads
    assert set(mapping.named_columns.values()) | set(mapping.ignore) <= set(prepared.leads.columns)
    rules = settings.definition.points.rules
    assert len(rules) >= 4
    assert {rule.column for rule in rules if rule.column} <= set(prepared.leads.columns)
    outcomes = set(prepared.leads[str(mapping.outcome)])
    assert {str(value) for value in mapping.won} <= outcomes
    if prepared.activities is not None:
        kinds = set(prepared.activities["event"])
        assert {rule.activity for rule in rules if rule.activity} <= kinds
        activities = settings.definition.activities
        columns = [activities.lead, activities.at, activities.kind, activities.detail]
        assert columns == list(prepared.activities.columns)

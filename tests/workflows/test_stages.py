"""Leads by buying stage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadml.errors import ConfigError
from leadml.settings import load_settings
from leadml.workflows.firing import Fired, fired_on
from leadml.workflows.stages import file_words, stages_of


@pytest.fixture(scope="module")
def fired(points_folder: Path) -> Fired:
    return fired_on(
        points_folder / "leads.csv",
        settings=load_settings(points_folder / "leadml.toml"),
        activities=None,
        history=None,
        table=None,
        as_of=None,
    )


def stages(fired: Fired, folder: Path, column: str) -> object:
    return stages_of(fired, load_settings(folder / "leadml.toml").definition, column)


def test_every_lead_has_its_stage(fired: Fired, points_folder: Path) -> None:
    found = stages(fired, points_folder, "stage_of_buying")
    export = pd.read_csv(points_folder / "leads.csv")["stage_of_buying"].to_numpy()
    assert found.names == ("early", "late")
    np.testing.assert_array_equal(np.array(found.names)[found.number], export[fired.rows])
    assert found.take(np.array([3, 4])).number.tolist() == found.number[3:5].tolist()


def test_the_stage_is_the_one_by_then(points_folder: Path, tmp_path: Path) -> None:
    # L0 was late when it was judged, in January; the export shows what it became in June
    (tmp_path / "history.csv").write_text(
        "lead_id,field,old_value,new_value,changed_at\nL0,stage_of_buying,late,early,2025-06-01\n"
    )
    text = (points_folder / "leadml.toml").read_text()
    names = ("lead", "field", "old", "new", "at")
    columns = ("lead_id", "field", "old_value", "new_value", "changed_at")
    lines = [f'{key} = "{column}"' for key, column in zip(names, columns, strict=True)]
    (tmp_path / "leadml.toml").write_text(text + "\n[history]\n" + "\n".join(lines) + "\n")
    settings = load_settings(tmp_path / "leadml.toml")
    found = fired_on(
        points_folder / "leads.csv",
        settings=settings,
        activities=None,
        history=tmp_path / "history.csv",
        table=None,
        as_of=None,
    )
    own = stages_of(found, settings.definition, "stage_of_buying")
    assert own.names[own.number[np.flatnonzero(found.rows == 0)[0]]] == "late"


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("moon", r"--by moon: .*leads\.csv has no such column; it has lead_id"),
        ("stage", r"--by stage: that is the outcome"),
        ("company", r"--by company: it holds 1250 different values where 2 to 12 stages"),
        ("country", r"--by country: it holds 1 different values"),
    ],
)
def test_what_is_no_stage_is_refused(
    fired: Fired, points_folder: Path, column: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        stages(fired, points_folder, column)


def test_a_lead_without_a_stage_is_in_none(points_folder: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(points_folder / "leads.csv")
    frame.loc[frame.index % 2 == 0, "stage_of_buying"] = None
    settings = load_settings(points_folder / "leadml.toml")
    found = fired_on(
        frame, settings=settings, activities=None, history=None, table=None, as_of=None
    )
    own = stages_of(found, settings.definition, "stage_of_buying")
    np.testing.assert_array_equal(own.number == -1, found.rows % 2 == 0)


def test_files_are_named_after_stages() -> None:
    assert file_words(("A/B", "a b", "a-b ", "??")) == ("a-b", "a-b-2", "a-b-3", "stage")

"""Drafting a configuration from an export, through Python."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.domain.mapping import HistoryMapping
from leadml.errors import ConfigError, DataError
from leadml.settings import load_settings
from leadml.workflows.init import init


@pytest.fixture(scope="module")
def crm() -> SimulatedCrm:
    return simulate(1500, seed=3)


def test_a_frame_gives_a_configuration_that_loads(crm: SimulatedCrm, tmp_path: Path) -> None:
    run = init(
        crm.leads, activities=crm.activities, output=tmp_path / "leadml.toml", min_margin=0.15
    )
    definition = load_settings(run.output).definition
    expected = tomllib.loads(crm.definition)["leads"]
    for key in ("id", "outcome", "created_at", "handed_off_at", "followed_up_at", "closed_at"):
        assert getattr(definition.leads, key) == expected[key]
    for key in ("account", "owner", "source", "amount", "margin"):
        assert getattr(definition.leads, key) == expected[key]
    assert definition.leads.won == ("Closed Won",)
    assert definition.leads.lost == ("Closed Lost", "Disqualified")
    assert definition.leads.points == "lead_score"
    assert definition.agreement.min_margin == 0.15
    assert definition.agreement.horizon_days == run.horizon.days
    activities = definition.activities
    assert (activities.lead, activities.at) == ("lead_id", "timestamp")
    assert (activities.kind, activities.detail) == ("event", "url")


def test_what_the_run_says_is_json_ready(crm: SimulatedCrm, tmp_path: Path) -> None:
    said = init(crm.leads, output=tmp_path / "leadml.toml").to_dict()
    assert said["output"] == str(tmp_path / "leadml.toml")
    assert said["preset"] is None
    guesses = {guess["key"]: guess for guess in said["guesses"]}  # type: ignore[attr-defined]
    assert guesses["won"] == {"key": "won", "value": ["Closed Won"], "because": "read as won"}
    assert said["needed"] == {}
    assert said["horizon"]["wins"] > 100  # type: ignore[index]


def test_the_points_of_the_crm_are_described(crm: SimulatedCrm, tmp_path: Path) -> None:
    leads = crm.leads.assign(lead_score=[100.0, 50.0, 20.0] * 500)
    init(leads, output=tmp_path / "leadml.toml")
    text = (tmp_path / "leadml.toml").read_text()
    words = "# Points from which a lead is handed off today: 33% of the leads have 100 or more"
    assert words in text


def test_nothing_is_written_over_unless_told_to(crm: SimulatedCrm, tmp_path: Path) -> None:
    place = tmp_path / "leadml.toml"
    place.write_text("mine")
    with pytest.raises(ConfigError, match=r"leadml.toml is there already: use --force"):
        init(crm.leads, output=place)
    assert place.read_text() == "mine"
    init(crm.leads, output=place, force=True)
    assert place.read_text().startswith("# Drafted by `leadml init` from the data frame: 1,500")


def test_an_export_that_cannot_be_read_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        init(tmp_path / "none.csv", output=tmp_path / "leadml.toml")
    assert list(tmp_path.iterdir()) == []


def test_activities_of_other_leads_are_asked_about(crm: SimulatedCrm, tmp_path: Path) -> None:
    others = crm.activities.assign(lead_id="X" + crm.activities["lead_id"])
    run = init(crm.leads, activities=others, output=tmp_path / "leadml.toml")
    assert run.needed["activities.lead"].startswith("no column holds the ids of the leads")


def test_an_export_that_tells_nothing_still_gives_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"] * 20, "b": range(40)})
    run = init(frame, output=tmp_path / "leadml.toml")
    assert run.horizon.days is None
    assert set(run.needed) == {"id", "outcome"}
    assert load_settings(run.output).definition.leads.outcome is None


def test_leads_without_times_take_the_format_of_the_activities(tmp_path: Path) -> None:
    leads = pd.DataFrame({"id": [f"L{n}" for n in range(40)], "stage": ["won", "lost"] * 20})
    days = pd.date_range("2025-04-25 16:16", periods=40, freq="D").strftime("%d.%m.%Y %H:%M")
    touches = pd.DataFrame({"lead": leads["id"], "Wann": days, "Art": ["Anruf", "Mail"] * 20})
    run = init(leads, activities=touches, output=tmp_path / "leadml.toml")
    definition = load_settings(run.output).definition
    assert definition.leads.date_format == "%d.%m.%Y %H:%M"
    assert definition.activities.at == "Wann"


def test_the_columns_of_a_history_are_guessed(crm: SimulatedCrm, tmp_path: Path) -> None:
    change = {"Field": "company_size", "Value": "5", "Timestamp": "2024-08-01T00:00:00Z"}
    history = pd.DataFrame([change | {"Object ID": crm.leads["lead_id"][0]}])
    run = init(crm.leads, history=history, output=tmp_path / "leadml.toml")
    # HubSpot tells no old values: the empty name says that there is no such column.
    mapping = HistoryMapping(lead="Object ID", field="Field", old="", new="Value", at="Timestamp")
    assert load_settings(run.output).definition.history == mapping
    assert {guess.value for guess in run.guesses} >= {"Object ID", "Field", "Value", "Timestamp"}
    other = init(crm.leads, history=crm.leads, output=tmp_path / "other.toml")
    assert "history.field" in other.needed


def test_without_a_history_its_section_is_a_comment(crm: SimulatedCrm, tmp_path: Path) -> None:
    run = init(crm.leads, output=tmp_path / "leadml.toml")
    text = run.output.read_text("utf-8")
    assert "# [history] would name the columns of a field history; none was given." in text

"""A points table fitted to the outcomes of an export and written beside today's."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from leadml.errors import ConfigError
from leadml.settings import load_settings
from leadml.workflows.points import score_points
from leadml.workflows.points_fit import LEFT_OUT, PointsFit, fit_points


def fitted(folder: Path, output: Path, **options: object) -> PointsFit:
    return fit_points(
        options.pop("leads", folder / "leads.csv"),  # type: ignore[arg-type]
        output=output,
        activities=folder / "activities.csv",
        config=folder / "leadml.toml",
        **{"model": False, **options},  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def written(
    points_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PointsFit, Path]:
    output = tmp_path_factory.mktemp("fit") / "new.toml"
    return fitted(points_folder, output), output


def test_the_new_points_are_near_the_truth(written: tuple[PointsFit, Path]) -> None:
    rows = {row["rule"]: row for row in written[0].to_dict()["rules"]}
    truth = {"decision maker": 20, "target industry": 20, "free mail": -15, "large": 15}
    for name, points in (truth | {"asked for a demo": 25, "opened a mail": 8}).items():
        assert rows[name]["new"] == pytest.approx(points, abs=0.35 * abs(points)), name
    assert rows["from the moon"]["new"] == 10  # never fires: kept
    assert (rows["target industry"]["points"], rows["free mail"]["points"]) == (60, 15)


def test_the_new_table_ranks_better_and_says_so(written: tuple[PointsFit, Path]) -> None:
    compared = written[0].to_dict()["comparison"]
    assert compared["verdict"] == "new"
    assert compared["later"]
    assert compared["text"][0].startswith("The new table ranks better than today's table: on ")
    today, new = compared["contestants"]
    assert (today["name"], new["name"]) == ("today", "new")
    assert new["auc"] > today["auc"]
    assert new["log_loss"] < today["log_loss"]
    assert new["won_of_handed_off"] > today["won_of_handed_off"]
    assert compared["share_of_model_gain"] is None
    assert written[0].to_dict()["no_model"] == LEFT_OUT


def test_the_file_is_the_whole_configuration_with_other_points(
    points_folder: Path, written: tuple[PointsFit, Path]
) -> None:
    result, path = written
    text, old = path.read_text(), (points_folder / "leadml.toml").read_text()
    before, after = old.index("[points]"), old.index("# The store is where it always was.")
    assert text.startswith(old[:before] + "# Fitted by `leadml points fit` on 2380 matured leads, ")
    assert text.endswith(old[after:])
    assert "judged 2025-01-01 to 2026-02-01" in text
    new, today = (
        load_settings(path).definition,
        load_settings(points_folder / "leadml.toml").definition,
    )
    assert new.points == result.new
    assert (new.leads, new.agreement) == (today.leads, today.agreement)
    line = next(line for line in text.splitlines() if "too high" in line)
    assert line.startswith("points = ")
    assert "# was 60; too high" in line


def test_the_threshold_hands_off_as_many_by_the_one_scoring_path(
    points_folder: Path, written: tuple[PointsFit, Path], tmp_path: Path
) -> None:
    result, path = written
    threshold = result.to_dict()["threshold"]
    assert threshold["new"]["leads"] == pytest.approx(threshold["today"]["leads"], rel=0.02)
    assert threshold["new"]["close_rate"] > threshold["today"]["close_rate"]
    assert threshold["same_close_rate"]["leads"] > threshold["new"]["leads"]
    score_points(
        points_folder / "leads.csv",
        output=tmp_path / "points.csv",
        activities=points_folder / "activities.csv",
        config=path,
        as_of="2030-01-01",
    )
    with (tmp_path / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    ready = sum(row["points_ready"] == "true" for row in rows[:2380])
    # as of 2030 every mail was opened; when judged, on creation, too: the touches came before
    assert ready == threshold["new"]["leads"]


def test_nothing_is_written_over(points_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("mine")
    with pytest.raises(ConfigError, match=r"new\.toml is there already: .* with --force"):
        fitted(points_folder, tmp_path / "new.toml")
    assert (tmp_path / "new.toml").read_text() == "mine"
    fitted(points_folder, tmp_path / "new.toml", force=True)
    assert "[points]" in (tmp_path / "new.toml").read_text()
    (tmp_path / "b-late.toml").write_text("mine")
    with pytest.raises(ConfigError, match=r"b-late\.toml is there already"):
        fitted(points_folder, tmp_path / "b.toml", by="stage_of_buying")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b-late.toml", "new.toml"]


def test_each_stage_gets_a_file(points_folder: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(points_folder / "leads.csv")
    frame.loc[frame.index[:40], "stage_of_buying"] = "never seen"
    result = fitted(points_folder, tmp_path / "n.toml", leads=frame, by="stage_of_buying")
    values = result.to_dict()
    assert [(row["stage"], row["own_points"]) for row in values["stages"]] == [
        ("early", True),
        ("late", True),
        ("never seen", False),
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "n-early.toml",
        "n-late.toml",
        "n-never-seen.toml",
        "n.toml",
    ]
    own = load_settings(tmp_path / "n-never-seen.toml").definition.points
    assert own.rules == result.new.rules
    assert (
        "too few outcomes: the points of all leads" in (tmp_path / "n-never-seen.toml").read_text()
    )
    assert [row["name"] for row in values["comparison"]["contestants"]] == [
        "today",
        "new",
        "stages",
    ]
    # the stages were drawn at random: tables of their own cannot be better
    assert values["comparison"]["differences"][1]["better"] != "stages"


def test_the_model_is_compared_on_the_same_leads(points_folder: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(points_folder / "leads.csv").head(900)
    result = fitted(points_folder, tmp_path / "n.toml", leads=frame, model=True)
    compared = result.to_dict()["comparison"]
    assert [row["name"] for row in compared["contestants"]] == ["today", "new", "model"]
    model = compared["contestants"][2]
    assert 0.6 < model["auc"] < 0.9
    assert compared["differences"][1]["first"] == "model"
    assert "the model" in compared["text"][1].lower()
    assert compared["share_of_model_gain"] is not None
    assert result.no_model == ""
    assert not (points_folder / "models").exists()


def test_without_times_leads_are_held_out_at_random(points_folder: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(points_folder / "leads.csv").drop(columns=["created_at", "closed_at"])
    text = (points_folder / "leadml.toml").read_text()
    for line in ('created_at = "created_at"\n', 'closed_at = "closed_at"\n'):
        text = text.replace(line, "")
    (tmp_path / "leadml.toml").write_text(text)
    result = fit_points(
        frame, output=tmp_path / "n.toml", config=tmp_path / "leadml.toml", model=False
    )
    compared = result.to_dict()["comparison"]
    assert not compared["later"]
    assert "held out at random" in compared["text"][0]
    assert compared["leads"] == 2_500


def test_another_folder_is_named(points_folder: Path, tmp_path: Path) -> None:
    result = fitted(points_folder, tmp_path / "n.toml")
    assert "POINT007" in {finding.code for finding in result.findings}
    beside = fitted(points_folder, points_folder / "beside.toml", force=True)
    assert "POINT007" not in {finding.code for finding in beside.findings}
    (points_folder / "beside.toml").unlink()


def test_a_table_of_constants_cannot_be_fitted(points_folder: Path, tmp_path: Path) -> None:
    text = (points_folder / "leadml.toml").read_text().split("[points]")[0]
    rule = '[[points.rules]]\nname = "all"\npoints = 5\ncolumn = "country"\npresent = true\n'
    (tmp_path / "leadml.toml").write_text(text + rule)
    with pytest.raises(ConfigError, match=r"^no rule tells leads apart"):
        fit_points(
            points_folder / "leads.csv",
            output=tmp_path / "n.toml",
            config=tmp_path / "leadml.toml",
        )

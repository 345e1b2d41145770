"""Explored leads in training, in evaluation and in the report."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from leadml.cli.train import show_exploration
from leadml.data.simulate import SimulatedCrm, simulate
from leadml.domain.definition import Definition
from leadml.errors import ConfigError, DataError
from leadml.pages.evaluation_page import evaluation_page
from leadml.settings import Settings, load_settings
from leadml.workflows.evaluate import evaluate
from leadml.workflows.learning import Learning, exploration_told, learning_of
from leadml.workflows.lesson import Lesson, folds_of, lesson_of
from leadml.workflows.material import gather
from leadml.workflows.report import report
from leadml.workflows.train import Training, train


@pytest.fixture(scope="module")
def exploring() -> SimulatedCrm:
    return simulate(1500, seed=6, neglect=0.4, explore=0.1)


def settings_in(folder: Path, definition: str) -> Settings:
    (folder / "leadml.toml").write_text(definition)
    return load_settings(folder / "leadml.toml")


@pytest.fixture(scope="module")
def trained(
    exploring: SimulatedCrm, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, Training]:
    settings = settings_in(tmp_path_factory.mktemp("exploring"), exploring.definition)
    return settings, train(exploring.leads, config=settings)


def learnt(crm: SimulatedCrm, definition: Definition, root: Path) -> tuple[Lesson, Learning]:
    settings = Settings(definition=definition, root=root)
    material = gather(crm.leads, definition=definition, root=root, labelled=True)
    judged = material.judge(settings)
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, seed=0)
    return lesson, learning_of(lesson, folds, material, judged, settings)


def test_weights_go_with_their_leads_into_fits_and_measures(
    exploring: SimulatedCrm, tmp_path: Path
) -> None:
    definition = settings_in(tmp_path, exploring.definition).definition
    lesson, learning = learnt(exploring, definition, tmp_path)
    assert learning.propensity is not None
    assert learning.weight is not None
    drawn = exploring.leads["explored"].to_numpy(bool)[lesson.rows]
    most = learning.propensity.most
    assert 1 < most < 10
    np.testing.assert_allclose(learning.weight, np.where(drawn, most, 1.0))
    np.testing.assert_array_equal(learning.explored, drawn)
    np.testing.assert_array_equal(learning.folds.stands_for, learning.weight)
    for (fold, _), weight in zip(learning.folds, learning.weights, strict=True):
        np.testing.assert_array_equal(weight, learning.weight[fold])
    assert learning.effective_size == pytest.approx(len(drawn) / 2)


def test_explored_leads_that_nobody_worked_are_told(
    exploring: SimulatedCrm, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, exploring.definition)
    definition = settings.definition
    leads = exploring.leads.copy()
    idle = leads.index[leads["explored"] & (leads["stage"] == "Closed Lost")][:3]
    leads.loc[idle, "first_touch_at"] = None
    told = []
    for frame in (exploring.leads, leads):
        material = gather(frame, definition=definition, root=tmp_path, labelled=True)
        judged = material.judge(settings)
        lesson = lesson_of(material, judged, settings)
        folds = folds_of(lesson, material, judged, settings, seed=0)
        learning = learning_of(lesson, folds, material, judged, settings)
        told.append(exploration_told(learning, judged, material))
    before, after = told
    assert before is not None
    assert after is not None
    assert before["not_followed_up"] == 0
    assert after["not_followed_up"] == 3
    assert after["explored"] == before["explored"] - 3
    assert "3 more were not followed up as they have to be" in after["text"]
    assert "not followed up" not in before["text"]


def test_they_multiply_weights_for_open_leads(exploring: SimulatedCrm, tmp_path: Path) -> None:
    definition = settings_in(tmp_path, exploring.definition).definition
    censored = replace(definition, agreement=replace(definition.agreement, censoring="ipcw"))
    plain_leads = replace(censored.leads, explored=None, handoff_probability=None)
    _, both = learnt(exploring, censored, tmp_path)
    _, open_only = learnt(exploring, replace(censored, leads=plain_leads), tmp_path)
    assert both.propensity is not None
    assert both.weight is not None
    assert open_only.weight is not None
    assert both.early == open_only.early > 0
    own = both.propensity.weight
    np.testing.assert_allclose(both.weight, open_only.weight * own)
    assert len(both.explored) == len(own) - both.early
    assert own[-both.early :].max() > 1  # explored leads that closed early are weighed too


def test_training_says_how_many_and_what_they_cost(trained: tuple[Settings, Training]) -> None:
    _, training = trained
    found = training.exploration
    assert found is not None
    assert found["explored"] > 30
    assert found["weighted"] is True
    assert found["truncated_at"] < 10
    assert found["effective_sample_size"] == pytest.approx(training.leads / 2, rel=1e-6)
    assert training.outcomes.effective_sample_size <= found["effective_sample_size"] + 1e-6
    manifest = json.loads((training.bundle / "manifest.json").read_text())
    assert manifest["exploration"] == found == training.to_dict()["exploration"]
    page = training.page.read_text("utf-8")
    assert "Leads handed off at random, to learn from" in page
    assert found["text"] in page
    console = Console(width=200, file=StringIO())
    show_exploration(found, console)
    show_exploration(None, console)
    assert console.file.getvalue().strip() == found["text"]  # type: ignore[attr-defined]


def test_no_promise_rests_on_explored_leads(
    exploring: SimulatedCrm, trained: tuple[Settings, Training], tmp_path: Path
) -> None:
    settings, _ = trained
    others = exploring.leads.assign(lead_id="N" + exploring.leads["lead_id"])
    lost = others["stage"].mask(others["explored"], "Closed Lost")
    won = others["stage"].mask(others["explored"], "Closed Won")
    in_time = {
        "closed_at": others["closed_at"].where(~others["explored"], others["first_touch_at"])
    }
    solid = {"margin": others["margin"].where(~others["explored"], 0.5)}
    bad = evaluate(others.assign(stage=lost, **in_time), config=settings, output=tmp_path)
    good = evaluate(others.assign(stage=won, **in_time, **solid), config=settings, output=tmp_path)
    assert bad.values["handoff"]["model"] == good.values["handoff"]["model"]
    assert (
        bad.values["handoff"]["same_volume"]["model"]
        == (good.values["handoff"]["same_volume"]["model"])
    )
    assert bad.values["verdict"] == good.values["verdict"]
    assert bad.values["exploration"]["close_rate"] == 0
    assert good.values["exploration"]["close_rate"] == 1
    assert good.values["close_rate"] > bad.values["close_rate"]
    told = good.values["exploration"]
    assert told["won"] == told["explored"]
    page = evaluation_page(json.loads((tmp_path / "evaluation.json").read_text()))
    assert "Leads handed off at random, to learn from" in page
    assert told["text"] in page


def test_the_fair_comparison_weighs_by_them(
    exploring: SimulatedCrm, trained: tuple[Settings, Training], tmp_path: Path
) -> None:
    settings, _ = trained
    others = exploring.leads.assign(lead_id="N" + exploring.leads["lead_id"])
    weighed = evaluate(others, config=settings, output=tmp_path).values["fair_comparison"]
    nobody = others.assign(explored=False, handoff_probability=1.0)
    plain = evaluate(nobody, config=settings, output=tmp_path).values["fair_comparison"]
    assert plain["weights"] is None
    assert weighed["weights"] is not None


def test_the_report_shows_explored_leads_apart(exploring: SimulatedCrm, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, exploring.definition)
    nobody = exploring.leads.assign(explored=False, handoff_probability=1.0)
    every = report(nobody, config=settings, output=tmp_path).values
    values = report(exploring.leads, config=settings, output=tmp_path).values
    apart = values["explored"]
    assert every["explored"] is None
    assert apart["handed_off"] > 50
    assert apart["follow_up_share"] == 1.0
    for name in ("handed_off", "matured", "followed_up", "won"):
        assert values[name] + apart[name] == every[name]
    assert values["follow_up_share"] < every["follow_up_share"]
    left_out = {row["code"]: row["count"] for row in values["excluded_rows"]}
    assert left_out["ROW015"] == apart["handed_off"]
    assert sum(row["handed_off"] for row in values["by"]["owner"]) == values["handed_off"]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert f"{apart['handed_off']} more were handed off at random to learn from" in page


def test_both_columns_or_neither(exploring: SimulatedCrm, tmp_path: Path) -> None:
    alone = exploring.definition.replace('handoff_probability = "handoff_probability"\n', "")
    with pytest.raises(ConfigError, match="explored is mapped without handoff_probability"):
        settings_in(tmp_path, alone)
    alone = exploring.definition.replace('explored = "explored"\n', "")
    with pytest.raises(ConfigError, match="handoff_probability is mapped without explored"):
        settings_in(tmp_path, alone)


def test_a_percentage_is_refused_with_its_place(exploring: SimulatedCrm, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, exploring.definition)
    percent = exploring.leads.assign(
        handoff_probability=exploring.leads["handoff_probability"] * 100
    )
    with pytest.raises(DataError, match=r"row 1: .* found 1?00?: divide percentages by 100"):
        train(percent, config=settings)


def test_without_the_columns_nothing_is_said(company: Any) -> None:
    assert company.training.exploration is None
    assert "handed off at random" not in company.training.page.read_text("utf-8")

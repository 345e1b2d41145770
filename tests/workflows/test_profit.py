"""What working leads brings in: of a training run, and of leads evaluated."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import simulate
from leadml.model.bundle import write_alias, write_bundle
from leadml.workflows.evaluate import evaluate
from leadml.workflows.score import load_scorer
from leadml.workflows.score_file import score
from leadml.workflows.value import Money, brought_in

NAN = float("nan")


class TestBroughtIn:
    def money(self, **changes: Any) -> Money:
        # won for 80 and 240, won for nobody knows what, won and perhaps solid, lost
        plain = Money(
            known=np.array([80.0, 240.0, NAN, NAN, NAN]),
            unknown=np.array([False, False, True, False, False]),
            unsure=np.array([False, False, False, True, False]),
            solid=0.75,
            of="margin",
        )
        return replace(plain, **changes)

    def test_known_margins_as_they_are_and_unknown_ones_as_expected(self) -> None:
        # relative to what was expected .8 and 1.6: tenths .88 and 1.52
        given_win = np.array([100.0, 150.0, 50.0, 200.0, 300.0])
        found = brought_in(self.money(), given_win)
        assert found.value == pytest.approx([80.0, 240.0, 50.0, 150.0, 0.0])
        assert found.low == pytest.approx([80.0, 240.0, 44.0, 0.0, 0.0])
        assert found.high == pytest.approx([80.0, 240.0, 76.0, 304.0, 0.0])

    def test_amounts_alone_may_leave_nothing(self) -> None:
        found = brought_in(self.money(of="amount"), np.full(5, 100.0))
        assert not found.low.any()
        assert found.value[1] == 240.0

    def test_without_a_known_margin_there_are_no_outer_tenths(self) -> None:
        nothing = self.money(known=np.full(5, NAN))
        found = brought_in(nothing, np.full(5, 100.0))
        assert found.low.tolist() == [0.0, 0.0, 100.0, 0.0, 0.0]
        assert found.high.tolist() == [0.0, 0.0, 100.0, 100.0, 0.0]


def test_the_training_page_tells_it_out_of_time(company: Any) -> None:
    written = json.loads(company.training.page.with_suffix(".json").read_text())
    told = written["profit"]
    assert (told["of"], told["cost"], told["points"]) == ("margin", 0.0, None)
    curve = told["model"]["curve"]
    assert (len(curve), curve[100]["volume"]) == (101, written["out_of_time_leads"])
    assert told["model"]["best"]["leads"] == pytest.approx(1.0, abs=0.02)  # nothing costs anything
    # what was expected of all of them came, as nearly as some 100 wins can tell
    assert curve[100]["observed"] == pytest.approx(curve[100]["expected"], rel=0.3)
    assert "What does working the leads bring in?" in company.training.page.read_text()


@pytest.fixture(scope="module")
def told(company: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return an evaluation of new leads where working one costs 1,000, and what it was given."""
    handoff = replace(company.settings.definition.handoff, cost=1000.0)
    definition = replace(company.settings.definition, handoff=handoff)
    settings = replace(company.settings, definition=definition)
    newer = simulate(1200, seed=11)
    leads = newer.leads.assign(lead_id="N" + newer.leads["lead_id"])
    touches = newer.activities.assign(lead_id="N" + newer.activities["lead_id"])
    folder = tmp_path_factory.mktemp("evaluated")
    done = evaluate(leads, activities=touches, config=settings, output=folder)
    return done, leads, touches, settings


class TestEvaluated:
    def test_the_sum_over_all_leads_is_that_of_the_export(self, told: Any) -> None:
        done, leads, _, _ = told
        profit, judged = done.to_dict()["profit"], done.to_dict()
        last = profit["model"]["curve"][100]
        assert last["volume"] == judged["leads"]
        # every solid win within the horizon, less 1,000 for each lead
        handed, closed = (
            pd.to_datetime(leads[c], utc=True) for c in ("handed_off_at", "closed_at")
        )
        solid = (leads["stage"] == "Closed Won") & (leads["margin"] >= 0.15)
        known = handed + pd.Timedelta(days=90) <= pd.Timestamp(done.to_dict()["as_of"])
        won = solid & known & (closed <= handed + pd.Timedelta(days=90))
        came = (leads["amount"] * leads["margin"])[won].sum()
        assert int(won.sum()) == judged["won"]
        assert last["observed"] == pytest.approx(came - 1000 * judged["leads"])
        assert last["observed"] == last["observed_low"] == last["observed_high"]

    def test_model_and_points_share_the_leads_and_the_end(self, told: Any) -> None:
        profit = told[0].to_dict()["profit"]
        assert profit["points"]["curve"][100] == pytest.approx(profit["model"]["curve"][100])
        assert profit["model"]["curve"][0]["expected"] == 0.0
        handed_off = told[0].to_dict()["handoff"]["model"]["handed_off"]
        assert profit["model"]["at_cut"]["volume"] == handed_off

    def test_the_best_volume_is_where_the_expected_margin_falls_below_the_cost(
        self, told: Any, tmp_path: Path
    ) -> None:
        done, leads, touches, settings = told
        score(leads, tmp_path / "s.csv", activities=touches, config=settings)
        scores = pd.read_csv(tmp_path / "s.csv").set_index("lead_id")["expected_margin"]
        best = done.to_dict()["profit"]["model"]["best"]
        # all handed off and labelled leads were judged as of their hand-off: the same numbers
        worth = np.sort(scores[scores > 1000].to_numpy())
        assert 0 < best["volume"] < done.to_dict()["leads"]
        assert best["volume"] <= len(worth)

    def test_the_page_draws_it(self, told: Any) -> None:
        page = told[0].page.read_text()
        assert 'id="profit-title"' in page
        assert "after <data" in page


def test_an_older_version_says_why_it_cannot(company: Any, tmp_path: Path) -> None:
    bundle = load_scorer(config=company.settings).bundle
    folder = tmp_path / "models" / "versions" / "1"
    folder.mkdir(parents=True)
    write_bundle(
        folder,
        manifest={k: v for k, v in bundle.manifest.items() if k not in ("files", "seal", "value")},
        definition=bundle.definition,
        features=bundle.features,
        machine=bundle.machine,
        trained_on=[],
    )
    write_alias(tmp_path / "models", "champion", "1")
    settings = replace(company.settings, root=tmp_path)
    done = evaluate(simulate(400, seed=12).leads, config=settings, output=tmp_path / "out")
    profit = done.to_dict()["profit"]
    assert profit["model"] is None
    assert "map amount and margin" in profit["reason"]
    assert "Not known: no won lead" in done.page.read_text()

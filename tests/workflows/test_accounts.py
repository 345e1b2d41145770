"""What training and evaluation say of accounts, worked by hand and on a simulated company."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from leadml.data.simulate import simulate
from leadml.model.accounts import AccountLine, grouped
from leadml.model.bundle import read_bundle
from leadml.snapshot.split import Folds
from leadml.workflows.accounts import accounts_evaluated, by_size, windows_of
from leadml.workflows.evaluate import evaluate

DAY = 86_400_000_000


class TestWindows:
    # leads of account 7 on days 100, 110, 150, 260 and of 8 on day 110; test blocks of days
    # 100 to 149, 150 to 249 and from 250, each told by leads at least 45 days older
    AT = np.array([100, 110, 110, 150, 260]) * DAY
    NAMED = np.array([7, 8, 7, 7, 7])

    def folds(self, **changes: Any) -> Folds:
        blocks = ([0, 1, 2], [3], [4])
        pairs = tuple((np.empty(0, np.intp), np.array(block)) for block in blocks)
        return Folds(pairs, **({"ordered": True, "gap_days": 45.0, "at": self.AT} | changes))

    def found(self, folds: Folds) -> list[int]:
        lesson: Any = SimpleNamespace(as_of=self.AT, y=np.zeros(5, np.int8))
        return windows_of(self.NAMED, np.arange(5), lesson, folds).tolist()

    def test_a_window_ends_where_a_model_knows_an_outcome_of_it(self) -> None:
        # the second block's model knew outcomes up to day 105, that of day 100 among them
        assert self.found(self.folds()) == [0, 1, 0, 2, 3]

    def test_a_longer_gap_keeps_the_account_together(self) -> None:
        # up to day 90: the first lead's was not known; the third block knew up to 200
        assert self.found(self.folds(gap_days=60.0)) == [0, 1, 0, 0, 2]

    def test_without_an_order_a_window_is_a_fold(self) -> None:
        assert self.found(self.folds(ordered=False, at=None)) == [0, 1, 0, 2, 3]


def test_said_and_observed_by_size() -> None:
    # three accounts of one lead of .5, one of which is won; one of two leads, won
    found = grouped(np.zeros(5), np.array([0, 1, 2, 3, 3]), 4)
    told = AccountLine(contacts=-1.0).probability(found)
    one, two = by_size(told, found, np.array([1, 0, 0, 1], np.int8), 0.95)
    assert (one["size"], one["accounts"], one["won"]) == ("1", 3, 1)
    assert (one["predicted"], one["product"]) == (pytest.approx(0.5), pytest.approx(0.5))
    assert one["observed"]["value"] == pytest.approx(1 / 3)
    assert one["observed"]["low"] == pytest.approx(1 - 0.95 ** (1 / 3))  # one of three at least
    # log(.75 / .25) - log 2 = log 1.5
    assert (two["size"], two["predicted"], two["product"]) == (
        "2",
        pytest.approx(0.6),
        pytest.approx(0.75),
    )


def test_leads_without_an_account_are_left_out_and_counted() -> None:
    told = accounts_evaluated(
        np.zeros(4), np.array([True, False, False, True]), np.array([3, 3, -1, 9]), None, 0.95
    )
    assert (told["accounts"], told["won"], told["leads_without_account"]) == (2, 2, 1)
    assert told["basis"] == "product"
    assert [row["predicted"] for row in told["by_size"]] == pytest.approx([0.5, 0.75])


def test_no_lead_with_an_account_at_all() -> None:
    told = accounts_evaluated(np.zeros(2), np.zeros(2, bool), np.array([-1, -1]), None, 0.95)
    assert (told["accounts"], told["by_size"]) == (0, [])


class TestTrained:
    def test_the_manifest_and_the_page_say_how_accounts_held(self, company: Any) -> None:
        told = company.training.to_dict()["accounts"]
        assert told == read_bundle(company.training.bundle).manifest["accounts"]
        assert told["basis"] in {"calibrated", "product"}
        sizes = told["by_size"]
        assert sum(row["accounts"] for row in sizes) == told["accounts"]
        assert told["accounts"] - sizes[0]["accounts"] == told["of_several"]
        for row in sizes:
            assert row["observed"]["low"] <= row["won"] / row["accounts"] <= row["observed"]["high"]
        page = company.training.page.read_text()
        assert "Do the probabilities of accounts hold?" in page
        assert f'<th scope="row">{sizes[-1]["size"]} leads</th>' in page

    def test_one_lead_accounts_are_told_their_leads_own_probability(self, company: Any) -> None:
        one = company.training.to_dict()["accounts"]["by_size"][0]
        assert one["predicted"] == pytest.approx(one["product"], abs=1e-12)

    def test_evaluate_holds_the_versions_line_against_new_accounts(
        self, company: Any, tmp_path: Any
    ) -> None:
        newer = simulate(500, seed=21)
        done = evaluate(
            newer.leads.assign(lead_id="E" + newer.leads["lead_id"]),
            config=company.settings,
            output=tmp_path,
        ).to_dict()
        told = done["accounts"]
        assert told["basis"] == company.training.to_dict()["accounts"]["basis"]
        assert sum(row["accounts"] for row in told["by_size"]) == told["accounts"]
        assert told["accounts"] + told["leads_without_account"] <= done["leads"]
        written = json.loads((tmp_path / "evaluation.json").read_text())
        assert written["accounts"] == told
        assert (
            "Do the probabilities of accounts hold?" in (tmp_path / "evaluation.html").read_text()
        )

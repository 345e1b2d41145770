"""What a company learns of margins: who outranks whom, and what is not known of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.domain.agreement import Agreement
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.model.bundle import read_bundle
from leadml.settings import Settings, load_settings
from leadml.workflows.lesson import folds_of, lesson_of
from leadml.workflows.material import gather
from leadml.workflows.score import load_scorer
from leadml.workflows.score_file import score
from leadml.workflows.train import train
from leadml.workflows.value import Money, money_of, unknown_of, worth_of


def money(known: list[float], unknown: int, unsure: int, solid: float, of: str = "margin") -> Money:
    """Return wins of these known margins, then unknown ones, then unsure ones, then a loss."""
    n = len(known) + unknown + unsure + 1
    place = np.arange(n)
    return Money(
        known=np.array([*known, *[np.nan] * (n - len(known))]),
        unknown=(place >= len(known)) & (place < len(known) + unknown),
        unsure=(place >= len(known) + unknown) & (place < n - 1),
        solid=solid,
        of=of,  # type: ignore[arg-type]
    )


class TestUnknown:
    KNOWN = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0)

    def test_all_known(self) -> None:
        found = unknown_of(money(list(self.KNOWN), 0, 0, 1.0), np.full(12, 60.0))
        assert (found.factor, found.low, found.high) == (1.0, 1.0, 1.0)

    def test_wins_without_a_margin_lie_between_the_outer_tenths_of_the_known(self) -> None:
        # relative to 60: tenth 20/60, nine tenths 100/60; 11 known, 4 not:
        # (11 + 4/3) / 15 and (11 + 4 * 5/3) / 15
        found = unknown_of(money(list(self.KNOWN), 4, 0, 1.0), np.full(16, 60.0))
        assert found.factor == 1.0
        assert found.low == pytest.approx((11 + 4 / 3) / 15)
        assert found.high == pytest.approx((11 + 20 / 3) / 15)

    def test_wins_that_nobody_knows_to_be_solid_count_by_the_solid_share(self) -> None:
        # 11 sales-ready wins, 5 more of unknown margin, four in five known wins are solid:
        # 1 + .8 * 5 / 11; at worst none of them is, at best all are, at 5/3 of the margin
        found = unknown_of(money(list(self.KNOWN), 0, 5, 0.8), np.full(17, 60.0))
        assert found.factor == pytest.approx(1 + 4 / 11)
        assert found.low == 1.0
        assert found.high == pytest.approx((11 + 25 / 3) / 11)

    def test_amounts_alone_say_what_a_margin_is_at_most(self) -> None:
        found = unknown_of(money(list(self.KNOWN), 0, 0, 1.0, "amount"), np.full(12, 60.0))
        assert (found.factor, found.low, found.high) == (1.0, 0.0, 1.0)

    def test_margins_of_nothing_bound_the_unknown_ones_by_nothing(self) -> None:
        # every known margin is 0: 0 / 0 would be no number, and neither would the bounds
        found = unknown_of(money([0.0] * 3, 2, 0, 1.0), np.zeros(6))
        assert (found.factor, found.low, found.high) == (1.0, 1.0, 1.0)


def frame(**columns: list[Any]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    made = pd.DataFrame(columns)
    made["id"] = [f"L{n}" for n in range(rows)]
    made["made"] = "2024-01-01"
    return made


def read(table: pd.DataFrame, min_margin: float = 0.0, **roles: str) -> Money:
    leads = LeadMapping(
        id="id", outcome="stage", won=("Won",), lost=("Lost",), created_at="made", **roles
    )
    agreement = Agreement(min_margin=min_margin)
    settings = Settings(definition=Definition(leads=leads, agreement=agreement), root=Path())
    material = gather(table, definition=settings.definition, root=Path(), labelled=True)
    judged = material.judge(settings)
    return money_of(material, judged, agreement, np.arange(len(table)))


class TestMoney:
    STAGES = ("Won", "Won", "Lost", "Won", "Won")
    AMOUNTS = (1000.0, 2000.0, 3000.0, None, 500.0)
    MARGINS = (0.5, 0.1, 0.9, 0.4, None)

    def table(self) -> pd.DataFrame:
        return frame(stage=list(self.STAGES), a=list(self.AMOUNTS), m=list(self.MARGINS))

    def test_a_fraction_of_the_amount_in_money(self) -> None:
        found = read(self.table(), amount="a", margin="m")
        assert found.of == "margin"
        np.testing.assert_array_equal(found.known, [500.0, 200.0, np.nan, np.nan, np.nan])
        assert found.unknown.tolist() == [False, False, False, True, True]
        assert not found.unsure.any()

    def test_below_the_agreed_margin_is_no_win_and_unknown_may_be_one(self) -> None:
        # .1 is not solid; the last one is won and may be; two of three known ones are solid
        found = read(self.table(), 0.3, amount="a", margin="m")
        np.testing.assert_array_equal(found.known, [500.0, np.nan, np.nan, np.nan, np.nan])
        assert found.unknown.tolist() == [False, False, False, True, False]
        assert found.unsure.tolist() == [False, False, False, False, True]
        assert found.solid == pytest.approx(2 / 3)

    def test_money_as_it_is_losses_too(self) -> None:
        table = frame(stage=["Won", "Won", "Lost"], profit=[-40.0, 0.0, 7.0])
        found = read(table, margin_amount="profit")
        np.testing.assert_array_equal(found.known, [-40.0, 0.0, np.nan])

    def test_amounts_alone(self) -> None:
        found = read(self.table(), amount="a")
        assert found.of == "amount"
        np.testing.assert_array_equal(found.known, [1000.0, 2000.0, np.nan, np.nan, 500.0])

    def test_fractions_alone_are_no_money(self) -> None:
        found = read(self.table(), margin="m")
        assert found.of is None
        assert np.isnan(found.known).all()

    def test_more_than_the_whole_amount_is_a_slip(self) -> None:
        table = frame(stage=["Won", "Won"], a=[100.0, 100.0], m=[35.0, 0.35])
        found = read(table, amount="a", margin="m")
        np.testing.assert_allclose(found.known, [np.nan, 35.0])
        assert found.unknown.tolist() == [True, False]


def with_seats(crm: SimulatedCrm) -> SimulatedCrm:
    """Make deals differ: who enrols everyone pays 40 times what a one-off buyer pays.

    What a lead wants is drawn at random, so that it says nothing of its probability; the export
    tells an amount for a part of the leads, and a margin once they are won.
    """
    rng = np.random.default_rng(7)
    leads = crm.leads.copy()
    everyone = rng.random(len(leads)) < 0.3
    leads["enrols"] = np.where(everyone, "everyone", "herself")
    leads["amount"] *= np.where(everyone, 4.0, 0.1)
    return replace(crm, leads=leads)


@pytest.fixture(scope="module")
def seats() -> SimulatedCrm:
    return with_seats(simulate(1500, seed=5))


def settings_in(folder: Path, crm: SimulatedCrm) -> Settings:
    (folder / "leadml.toml").write_text(crm.definition)
    return load_settings(folder / "leadml.toml")


@pytest.fixture(scope="module")
def trained(seats: SimulatedCrm, tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = settings_in(tmp_path_factory.mktemp("seats"), seats)
    return train(seats.leads, activities=seats.activities, config=settings), settings


class TestWhoOutranksWhom:
    def answers(self, trained: Any) -> Any:
        common = {"job_title": "CEO", "company_size": 250, "lead_source": "Organic search"}
        common |= {"industry": "Software", "country": "Germany"}
        chief = common | {"lead_id": "chief", "enrols": "everyone"}
        buyer = common | {"lead_id": "buyer", "enrols": "herself", "lead_source": "Referral"}
        return load_scorer(config=trained[1]).score_records([chief, buyer], [[], []])

    def test_a_chief_executive_who_will_enrol_everyone_outranks_a_one_off_buyer(
        self, trained: Any
    ) -> None:
        chief, buyer = self.answers(trained)
        assert chief.probability < buyer.probability  # a referral closes more often
        assert chief.expected_margin > 5 * buyer.expected_margin
        assert chief.priority > buyer.priority + 20

    def test_the_margins_given_a_win_are_those_of_the_simulation(
        self, seats: SimulatedCrm, trained: Any
    ) -> None:
        chief, buyer = self.answers(trained)
        ratio = (chief.expected_margin / chief.probability) / (
            buyer.expected_margin / buyer.probability
        )
        assert 12 < ratio < 60  # 40 in truth; some 250 wins draw it in a little

    def test_expected_margins_hold_on_average(self, seats: SimulatedCrm, trained: Any) -> None:
        _, settings = trained
        output = settings.root / "scores.csv"
        score(seats.leads, output, activities=seats.activities, config=settings)
        scores = pd.read_csv(output).set_index("lead_id")
        leads = seats.leads.set_index("lead_id").reindex(scores.index)
        truth = seats.truth.set_index("lead_id").reindex(scores.index)
        worked = truth["followed_up"] & truth["handed_off"]
        solid = (leads["stage"] == "Closed Won") & (leads["margin"] >= 0.15)
        for kind in ("everyone", "herself"):
            rows = worked & (leads["enrols"] == kind)
            given_win = (leads["amount"] * leads["margin"])[rows & solid].mean()
            told = (scores["expected_margin"] / scores["probability"])[rows].mean()
            assert 0.6 < told / given_win < 1.6  # of a fortyfold difference

    def test_the_manifest_says_what_it_rests_on(self, trained: Any) -> None:
        done, _ = trained
        told = done.to_dict()["value"]
        assert told == read_bundle(done.bundle).manifest["value"]
        assert (told["basis"], told["of"]) == ("model", "margin")
        assert told["low"] == told["mean"] == told["high"]  # every margin is known
        assert told["won_with_margin"] == done.won
        assert told["won_without_margin"] == 0
        assert told["out_of_time"]["gain"] > told["out_of_time"]["error"] > 0

    def test_a_request_gets_the_very_numbers_of_the_file(
        self, seats: SimulatedCrm, trained: Any
    ) -> None:
        _, settings = trained
        scores = pd.read_csv(settings.root / "scores.csv", dtype=str)
        handed_off = np.flatnonzero(seats.leads["handed_off_at"].notna())[::211]
        for row in handed_off.tolist():
            lead = seats.leads.iloc[row].dropna().to_dict()
            touches = seats.activities[seats.activities["lead_id"] == lead["lead_id"]]
            own = touches.drop(columns="lead_id").to_dict("records")
            (answer,) = load_scorer(config=settings).score_records([lead], [own])
            for name in ("expected_margin", "expected_margin_low", "priority", "probability"):
                assert getattr(answer, name) == float(scores.loc[row, name])

    def test_priority_is_the_share_of_training_leads_outranked(
        self, seats: SimulatedCrm, trained: Any
    ) -> None:
        _, settings = trained
        scorer = load_scorer(config=settings)
        scores = pd.read_csv(settings.root / "scores.csv")
        learnt = scores[scorer.trained_on(scores["lead_id"].tolist())]
        worth = learnt["expected_margin"].to_numpy()
        for row in learnt.iloc[::97].itertuples():
            outranked = 100 * (worth < row.expected_margin).mean()
            assert row.priority == pytest.approx(outranked, abs=0.25)
        ordered = scores.sort_values("expected_margin")["priority"]
        assert (ordered.diff().dropna() >= 0).all()


class TestUnknownMargins:
    def worth(self, crm: SimulatedCrm, leads: pd.DataFrame, tmp_path: Path) -> Any:
        settings = settings_in(tmp_path, crm)
        material = gather(leads, definition=settings.definition, root=tmp_path, labelled=True)
        judged = material.judge(settings)
        lesson = lesson_of(material, judged, settings)
        folds = folds_of(lesson, material, judged, settings, 0)

        class Half:
            def log_odds(self, x: np.ndarray, as_of: object = None) -> np.ndarray:
                return np.zeros(len(x))

        return worth_of(lesson, folds, material, judged, settings, Half()), lesson  # type: ignore[arg-type]

    def test_they_give_bounds_and_do_not_count_as_nothing(
        self, seats: SimulatedCrm, tmp_path: Path
    ) -> None:
        whole, lesson = self.worth(seats, seats.leads, tmp_path)
        holes = seats.leads.copy()
        won = np.flatnonzero(holes["margin"].notna())
        holes.loc[won[::3], "margin"] = np.nan
        found, fewer = self.worth(seats, holes, tmp_path)
        # with a third of the margins gone there are fewer sales-ready wins; of expected margin
        # per won lead nothing is lost, for the unknown ones are taken to be like the known
        factor = len(lesson.y) * int(lesson.y.sum()) / len(fewer.y) / int(fewer.y.sum())
        assert found.value.unknown.factor == pytest.approx(factor, rel=0.05)
        told = found.value.summary()
        assert told["low"] < told["mean"] * found.value.unknown.factor < told["high"]
        assert told["won_without_margin"] > 0.25 * whole.value.won_with_margin
        assert told["mean"] == pytest.approx(whole.value.mean, rel=0.2)

    def test_no_margin_at_all_is_no_expected_margin(
        self, seats: SimulatedCrm, tmp_path: Path
    ) -> None:
        leads = seats.leads.assign(margin=np.nan)
        definition = seats.definition.replace("min_margin = 0.15", "min_margin = 0.0")
        found, lesson = self.worth(replace(seats, definition=definition), leads, tmp_path)
        assert found.value.basis is None
        assert found.expected(np.full(2, 0.5), np.arange(2)) is None
        assert found.value.won_without_margin == lesson.y.sum()

    def test_out_of_time_margins_come_with_the_leads_that_were_tested(
        self, seats: SimulatedCrm, tmp_path: Path
    ) -> None:
        found, lesson = self.worth(seats, seats.leads, tmp_path)
        tested = np.flatnonzero(~np.isnan(found.given_win))
        assert len(tested) >= 0.5 * len(lesson.y)
        margins = found.expected(np.full(len(tested), 0.5), tested)
        assert margins is not None
        assert margins.value == pytest.approx(0.5 * found.given_win[tested])
        won = ~np.isnan(found.money.known[tested])
        assert margins.value[won].mean() * 2 == pytest.approx(
            found.money.known[tested][won].mean(), rel=0.25
        )


def test_an_older_version_tells_nothing(make_model: Callable[..., Settings]) -> None:
    (answer,) = load_scorer(config=make_model()).score_records([{"id": "a"}])
    assert (answer.expected_margin, answer.priority) == (None, None)

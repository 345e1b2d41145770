"""Training recovers the truth of simulated companies; `tests/benchmarks/known_truth.py` is wider.

Models are asked about leads that came after their training; these have a known truth, whether or
not they have an outcome yet, so no chance of single outcomes is in the figures. What is left is the
chance of the training leads: tolerances are the promised ones where 12,000 leads are learnt from,
and wider by twice the standard error where fewer are, as said there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leadml.data.simulate import SimulatedCrm, simulate
from leadml.evaluation.recovery import Recovery, recovery
from leadml.settings import Settings, load_settings
from leadml.workflows.evaluate import Evaluation, evaluate
from leadml.workflows.score_file import score
from leadml.workflows.train import Training, train

START = datetime(2024, 7, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Company:
    """A company that trained one day, and the leads that came in the 90 days after it."""

    crm: SimulatedCrm
    settings: Settings
    training: Training
    folder: Path

    @property
    def new(self) -> pd.DataFrame:
        crm, trained_on = self.crm, len(self.crm.as_of(self.then).leads)
        worked = crm.truth["followed_up"] & crm.leads["handed_off_at"].notna()
        return crm.leads.iloc[trained_on:][worked.iloc[trained_on:]]

    @property
    def then(self) -> datetime:
        last = pd.to_datetime(self.crm.leads["created_at"], utc=True).max()
        return (last.normalize() + timedelta(days=1 - 90)).to_pydatetime()  # type: ignore[no-any-return]

    def said(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what the sealed model says of the new leads."""
        output = self.folder / "scores.parquet"
        score(self.new, output, activities=self.crm.activities, config=self.settings)
        return pd.read_parquet(output)["probability"].to_numpy()

    def recovered(self) -> Recovery:
        return recovery(self.said(), self.crm.truth["probability"][self.new.index].to_numpy())

    def evaluated(self) -> Evaluation:
        return evaluate(
            self.crm.leads,
            activities=self.crm.activities,
            config=self.settings,
            output=self.folder / "evaluation",
        )


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}"


def trained(folder: Path, tracking: str, leads: int, days: int, **switches: Any) -> Company:
    """Simulate `days` and 90 more, and train on the export of the first part."""
    longer = days + 90
    crm = simulate(round(leads * longer / days), days=longer, start=START.date(), **switches)
    past = crm.as_of(START + timedelta(days=days))
    return Company(crm, *learn(folder, tracking, past.leads, past, crm.definition), folder)


def learn(
    folder: Path, tracking: str, leads: pd.DataFrame, crm: SimulatedCrm, definition: str
) -> tuple[Settings, Training]:
    config = folder / "leadml.toml"
    config.write_text(f'{definition}\n[tracking]\nuri = "{tracking}"\n', "utf-8")
    settings = load_settings(config)
    return settings, train(leads, activities=crm.activities, config=settings)


def test_12000_leads(tmp_path: Path, tracking: str) -> None:
    company = trained(tmp_path, tracking, 12_000, 540, seed=0, base_rate=0.2)
    found = company.recovered()
    assert abs(found.mean_off) < 0.015
    # Over seeds the slope lies in 0.85 to 1.15; of one run it has a standard error of 0.06, that of
    # the calibration's slope from some 4,000 out-of-time leads. Two of these are added.
    assert 0.73 < found.slope < 1.27  # type: ignore[operator]
    assert found.excess < 0.01
    # The hand-offs that training says close at 30 % do.
    cut = company.training.threshold
    assert cut.basis == "guaranteed"
    above = company.said() >= cut.probability
    assert company.crm.truth["probability"][company.new.index][above].mean() >= 0.3


def closed_only(crm: SimulatedCrm) -> tuple[pd.DataFrame, str]:
    """Return closed leads as they are, a win not in time or not solid taken as lost."""
    leads = crm.leads
    closed = leads["stage"].isin(["Closed Won", "Closed Lost"]) & leads["first_touch_at"].notna()
    took = pd.to_datetime(leads["closed_at"], utc=True) - pd.to_datetime(
        leads["handed_off_at"], utc=True
    )
    won = (leads["stage"] == "Closed Won") & (took <= pd.Timedelta(days=90))
    won &= leads["margin"] >= 0.15
    taken = leads.assign(stage=np.where(won, "Closed Won", "Closed Lost"))[closed]
    lines = [
        line
        for line in crm.definition.splitlines()
        if not line.startswith(("closed_at =", "margin"))
    ]
    text = "\n".join(lines).replace("min_margin = 0.15", "min_margin = 0")
    return taken.drop(columns=["closed_at", "margin"]), text


def test_fast_wins_mislead_those_who_take_closed_leads_only(tmp_path: Path, tracking: str) -> None:
    # A year of 4,000 leads: some 1,900 matured hand-offs to learn from, whose share of wins has a
    # standard error of 1.1 points around the truth of 30 %.
    company = trained(
        tmp_path, tracking, 4000, 365, seed=3, base_rate=0.3, delay="fast_wins", signal=0.5
    )
    honest = company.recovered().mean_off
    past = company.crm.as_of(company.then)
    common = tmp_path / "common"
    common.mkdir()
    closed, definition = closed_only(past)
    settings, training = learn(common, tracking, closed, past, definition)
    naive = Company(company.crm, settings, training, common).recovered().mean_off
    assert abs(honest) < 0.015 + 2 * 0.011
    assert naive > honest + 0.03


def test_without_signal_the_champion_is_the_base_rate_and_says_so(
    tmp_path: Path, tracking: str
) -> None:
    company = trained(tmp_path, tracking, 1500, 540, seed=1, base_rate=0.2, signal=0.0)
    assert company.training.alias == "champion"
    assert company.training.chosen == "base_rate"
    assert np.ptp(company.said()) == 0
    # 900 matured hand-offs: a standard error of 1.3 points.
    assert abs(company.recovered().mean_off) < 0.015 + 2 * 0.013
    evaluation = company.evaluated()
    assert "EVAL005" in {note["code"] for note in evaluation.to_dict()["notes"]}
    page = evaluation.page.read_text("utf-8")
    assert "The model gives every lead the same probability" in page
    told = [limit["topic"] for limit in company.training.cannot_tell]
    assert "which leads are better" in told


def test_200_leads_are_not_read_for_more_than_they_tell(tmp_path: Path, tracking: str) -> None:
    company = trained(tmp_path, tracking, 200, 540, seed=2, base_rate=0.3)
    truth = company.crm.truth["probability"][company.new.index].to_numpy()
    found = company.recovered()
    # Heavily shrunk: the probabilities lie half as far apart as the true ones at most.
    assert company.said().std() < 0.5 * truth.std()
    assert found.slope is None or found.slope > 0.7
    cut = company.training.threshold
    assert cut.low is None or cut.high is None or cut.high - cut.low > 0.1
    assert company.training.cannot_tell

"""Champion against challenger where every log-odds is known: column z is what the champion says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from leadml.domain.definition import Definition
from leadml.evaluation.threshold import Threshold
from leadml.model.bundle import read_aliases, write_alias, write_bundle
from leadml.model.calibration import Calibration
from leadml.model.candidates import Fitted
from leadml.model.scorecard import Line, Machine, Scorecard, probability
from leadml.model.selection import Candidate, Selection
from leadml.settings import Settings
from leadml.snapshot.catalogue import Catalogue
from leadml.snapshot.features import Feature, FeatureSet
from leadml.snapshot.split import Folds
from leadml.workflows.challenge import decide_alias
from leadml.workflows.learning import matured_only
from leadml.workflows.lesson import Lesson
from leadml.workflows.material import gather
from leadml.workflows.run import Run

Numbers = NDArray[np.float64]
SAYS_Z = Machine(((1.0, Scorecard(0.0, (Line(0, (-9.0, 9.0), (-9.0, 9.0), 0.0),))),), center=(0.0,))
NOTHING = Machine(())


@pytest.fixture
def settings(small: Definition, tmp_path: Path) -> Settings:
    return Settings(definition=small, root=tmp_path)


def crown(
    settings: Settings, *, trained_on: tuple[str, ...] = (), as_of: str | None = None
) -> Path:
    """Make a model that says z the champion; `as_of` ends its data window."""
    folder = settings.models / "versions" / "4"
    folder.mkdir(parents=True)
    write_bundle(
        folder,
        manifest={
            "columns": ["id", "stage", "made", "z"],
            "threshold": {"probability": 0.5, "basis": "estimated"},
            "bands": {"A": 0.3, "B": 0.2, "C": 0.1},
            "data_window": {"from": None, "to": None, "as_of": as_of},
        },
        definition=settings.definition,
        features=FeatureSet((Feature(name="z", kind="number", column="z"),), frozenset()),
        machine=SAYS_Z,
        trained_on=trained_on,
    )
    write_alias(settings.models, "champion", "4")
    return folder


def challenge(
    settings: Settings, said: Numbers, answered: Numbers, y: NDArray[np.int8]
) -> tuple[str, str]:
    """Let a challenger that says `answered` meet a champion that says `said`, one lead a day."""
    n = len(y)
    frame = pd.DataFrame(
        {
            "id": [f"L{k}" for k in range(n)],
            "stage": np.where(y == 1, "Won", "Lost"),
            "made": pd.date_range("2024-01-01", periods=n).astype(str),
            "z": said,
        }
    )
    material = gather(frame, definition=settings.definition, root=settings.root, labelled=True)
    judged = material.judge(settings)
    rows = np.arange(n)
    lesson = Lesson(
        rows,
        np.empty((n, 0)),
        y,
        judged.as_of.view("i8"),
        Catalogue(FeatureSet((), frozenset()), ()),
        None,
    )
    selection = Selection(
        (Candidate("logistic", 0.5, 0.7, 0.1),), "logistic", rows, answered, answered, Calibration()
    )
    folds = Folds(((rows, rows),), ordered=True, gap_days=0.0)
    fitted = Fitted(NOTHING, {}, {})
    run = Run(
        settings=settings,
        material=material,
        judged=judged,
        lesson=lesson,
        learning=matured_only(lesson, folds),
        folds=folds,
        selection=selection,
        fitted=fitted,
        machine=NOTHING,
        threshold=Threshold(None, "none"),
    )
    return decide_alias(run)


def truth(n: int, seed: int = 0) -> tuple[Numbers, NDArray[np.int8]]:
    random = np.random.default_rng(seed)
    z = random.normal(-0.5, 1.5, n)
    return z.round(6), (random.random(n) < probability(z)).astype(np.int8)


def test_the_first_is_champion(settings: Settings) -> None:
    z, y = truth(100)
    assert challenge(settings, z, z, y) == ("champion", "there was no champion")


def test_a_better_one_takes_its_place(settings: Settings) -> None:
    crown(settings)
    z, y = truth(400)
    alias, why = challenge(settings, np.zeros(400), z, y)
    own = np.mean(np.logaddexp(0, z) - y * z)
    assert alias == "champion"
    assert why == (
        f"better than the champion: on 400 leads new to version 4 ({y.sum()} won) log loss is "
        f"{own:.4f} against {np.log(2):.4f} (p < 0.001)"
    )


def test_a_worse_one_does_not(settings: Settings) -> None:
    crown(settings)
    z, y = truth(400)
    alias, why = challenge(settings, z, np.zeros(400), y)
    assert alias == "challenger"
    assert why.startswith("version 4 stays champion, not beaten at 95%: on 400 leads new")
    assert why.endswith("(p = 1.000)")


def test_an_equal_one_does_not(settings: Settings) -> None:
    crown(settings)
    z, y = truth(400)
    assert challenge(settings, z, z, y)[0] == "challenger"


def test_a_little_better_is_not_enough_on_few_leads(settings: Settings) -> None:
    crown(settings)
    z, y = truth(100)
    assert challenge(settings, 0.8 * z, z, y)[0] == "challenger"


def test_the_test_is_of_pairs(settings: Settings, small: Definition) -> None:
    # By hand: half the leads gain, half lose; the mean over its standard error is normal.
    crown(settings)
    y = np.array([1, 0] * 50, np.int8)
    champion, challenger = np.zeros(100), np.tile([0.5, 0.2], 50)
    # gain = log 2 - log(1 + e^-.5) for a win, log 2 - log(1 + e^.2) for a loss
    gain = np.log(2) - np.where(y == 1, np.log1p(np.exp(-0.5)), np.log1p(np.exp(0.2)))
    z = gain.mean() / (gain.std(ddof=1) / 10)
    assert z == pytest.approx(3.503, abs=0.001)  # one-sided p = .00023
    alias, why = challenge(settings, champion, challenger, y)
    assert (alias, why[-11:]) == ("champion", "(p < 0.001)")
    # an agreement at 99.99 % asks for more than that
    strict = replace(small, agreement=replace(small.agreement, confidence=0.9999))
    alias, why = challenge(replace(settings, definition=strict), champion, challenger, y)
    assert alias == "challenger"
    assert "not beaten at 99.99%" in why


@pytest.mark.parametrize(("won", "lost"), [(19, 81), (81, 19)])
def test_too_few_new_outcomes_decide_nothing(settings: Settings, won: int, lost: int) -> None:
    crown(settings)
    y = np.array([1] * won + [0] * lost, np.int8)
    alias, why = challenge(settings, np.zeros(100), 6.0 * y - 3, y)
    assert alias == "challenger"
    assert why == (
        f"version 4 stays champion: only {won} won and {lost} not won leads are new to it, 20 of "
        "each are needed to compare"
    )


def test_twenty_of_each_decide(settings: Settings) -> None:
    crown(settings)
    y = np.array([1] * 20 + [0] * 20, np.int8)
    assert challenge(settings, np.zeros(40), 6.0 * y - 3, y)[0] == "champion"


def test_leads_the_champion_learnt_from_do_not_count(settings: Settings) -> None:
    # It was right on all it learnt from and says nothing of the others.
    crown(settings, trained_on=tuple(f"L{k}" for k in range(300)))
    y = (np.arange(400) % 2).astype(np.int8)
    champion = np.where(np.arange(400) < 300, 8.0 * y - 4, 0.0)
    alias, why = challenge(settings, champion, 4.0 * y - 2, y)
    assert alias == "champion"
    assert "on 100 leads new to version 4 (50 won)" in why


def test_nor_do_leads_that_matured_within_its_data_window(settings: Settings) -> None:
    # One lead a day from 1 January (a leap year), horizon 90 days: as of 1 October, day 274, all
    # up to day 184 had matured; days 185 to 399 are new to it.
    crown(settings, as_of="2024-10-01T00:00:00.000000Z")
    y = (np.arange(400) % 2).astype(np.int8)
    _, why = challenge(settings, np.zeros(400), 4.0 * y - 2, y)
    assert "on 215 leads new to version 4" in why


def test_a_champion_that_cannot_be_read_keeps_its_place_and_that_is_said(
    settings: Settings,
) -> None:
    (crown(settings) / "model.json").write_text("{}")
    z, y = truth(100)
    alias, why = challenge(settings, np.zeros(100), z, y)
    assert alias == "challenger"
    assert why.startswith("version 4 serves and could not be compared: ")
    assert "model.json was changed" in why
    assert read_aliases(settings.models)["champion"]["version"] == "4"


def test_a_champion_as_good_as_the_challenger_is_replaced_in_one_of_twenty(
    settings: Settings,
) -> None:
    # Both err by the same amount, independently: a change of champion is a mistake.
    crown(settings)
    random = np.random.default_rng(3)
    changes = 0
    runs = 200
    for _ in range(runs):
        z = random.normal(-0.5, 1.0, 300)
        y = (random.random(300) < probability(z)).astype(np.int8)
        noisy = [(z + random.normal(0, 0.7, 300)).round(6) for _ in range(2)]
        changes += challenge(settings, *noisy, y)[0] == "champion"
    assert 2 <= changes <= 20  # binomial(200, .05): 2 to 20 in 99.9 % of such simulations

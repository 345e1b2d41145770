import re

import numpy as np
import pytest
from scipy.stats import chi2

from leadml.evaluation.contest import Contest, Entrant, Stakes
from leadml.evaluation.winner import PRIMARY, equality, restricted_words, winner_of

LEADS = 800


def contest(seed: int = 1, **noise: float) -> Contest:
    """Contestants that see the true log-odds through noise; "both" sees two of them."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1.0, 1.3, LEADS)
    won = random.random(LEADS) < 1 / (1 + np.exp(-logit))
    entrants = {}
    for name, spread in noise.items():
        seen = logit + random.normal(0, 1, LEADS) * spread
        entrants[name] = Entrant(seen, recalibrated=-1 + (seen + 1) / (1 + spread**2 / 1.69))
    found = Contest(won, entrants, Stakes(rate=0.3))
    for _ in range(200):
        found.watch(np.bincount(random.integers(0, LEADS, LEADS), minlength=LEADS).astype(float))
    return found


@pytest.mark.parametrize(
    ("noise", "name", "words"),
    [
        (
            {"model": 0.1, "points": 3.0, "both": 0.1},
            "model",
            r"^The model wins: .* The points add nothing to the model that these leads can show\.$",
        ),
        (
            {"model": 3.0, "points": 0.1, "both": 0.1},
            "points",
            r"^The points win: .* The model adds nothing to the points that these leads can show",
        ),
        ({"model": 3.0, "points": 3.0, "both": 0.1}, "both", r"^Model and points together win: "),
        (
            {"model": 0.1, "points": 1.5, "both": 3.0},
            "model",
            r" Mixing the points into the model makes it worse\.$",
        ),
        (
            {"model": 1.0, "points": 1.0, "both": 1.0},
            "none",
            r"^No winner: these 800 leads do not ",
        ),
    ],
    ids=["model", "points", "both", "both worse", "none"],
)
def test_the_best_predictor_is_named_with_what_the_other_adds(
    noise: dict[str, float], name: str, words: str
) -> None:
    found = winner_of(contest(**noise))
    assert found.name == name
    assert re.search(words, found.text), found.text


def test_every_number_of_the_verdict_is_a_measure() -> None:
    made = contest(model=0.1, points=3.0, both=0.1)
    values = made.measured[PRIMARY]
    assert (
        f"(log loss {values['model']:.4f} against {values['points']:.4f}, both calibrated alike)"
        in winner_of(made).text
    )


def test_equal_contestants_are_equal_for_certain() -> None:
    made = contest(model=0.5)
    same = {"model": made.entrants["model"], "points": made.entrants["model"]}
    twin = Contest(made.won, same, Stakes(rate=0.3))
    for _ in range(20):
        twin.watch(np.ones(LEADS))
    assert equality(twin) == 1.0
    assert winner_of(twin).name == "none"


def test_the_joint_test_by_hand() -> None:
    made = contest(model=1.0, points=1.0)
    # two contestants: one difference, its variance over the resamples, one degree of freedom
    gap = made.measured[PRIMARY]["points"] - made.measured[PRIMARY]["model"]
    drawn = made.drawn(PRIMARY, "points") - made.drawn(PRIMARY, "model")
    assert equality(made) == pytest.approx(chi2.sf(gap**2 / drawn.var(ddof=1), 1))


def test_a_difference_too_small_to_matter_names_nobody() -> None:
    # One lead in 800 a little better told, in every resample: certain and worthless.
    won = np.arange(LEADS) % 4 == 0
    plain = np.full(LEADS, -1.0986)
    better = plain + np.where(won, 0.001, -0.0003)
    made = Contest(
        won,
        {"model": Entrant(better, recalibrated=better), "points": Entrant(plain, plain)},
        Stakes(rate=0.3),
    )
    random = np.random.default_rng(0)
    for _ in range(100):
        made.watch(np.bincount(random.integers(0, LEADS, LEADS), minlength=LEADS).astype(float))
    assert equality(made) < 0.01
    assert made.pairs(PRIMARY, good="lower")[0]["better"] == "model"
    assert winner_of(made).name == "none"


def test_without_calibration_nobody_wins() -> None:
    made = Contest(np.arange(8) < 3, {"model": Entrant(np.arange(8.0))}, Stakes(rate=0.3))
    assert winner_of(made).name == "none"
    assert "too few leads, or leads of too few accounts, were won" in winner_of(made).text


def test_where_the_points_chose_nobody_is_named() -> None:
    assert restricted_words({"why": "the points chose"}) == (
        "No winner is named: the points chose."
    )

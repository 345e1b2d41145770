"""Exploration takes bias away where sales picks leads by a feeling that no export shows.

What is learnt from the leads sales picked is too good for all of them. The truth of simulated
companies is known, so the bias is measured over seeds with the learner's own leads and weights;
`tests/benchmarks/known_truth.py` trains whole models.
"""

import tomllib
from pathlib import Path

import numpy as np

from leadml.data.simulate import simulate
from leadml.model.scorecard import probability
from leadml.model.selection import fit
from leadml.settings import settings_from
from leadml.workflows.learning import learning_of
from leadml.workflows.lesson import folds_of, lesson_of
from leadml.workflows.material import batch_of, gather

SEEDS = 8


def bias(seed: int, explore: float, folder: Path) -> tuple[float, float]:
    """Return the mean probability less the true one were all worked, and the leads' worth left."""
    switches = {"neglect": 0.5, "neglect_by": "unseen", "base_rate": 0.3, "seed": seed}
    crm = simulate(3000, explore=explore, **switches)  # type: ignore[arg-type]
    settings = settings_from(tomllib.loads(crm.definition), path=folder / "leadml.toml")
    material = gather(crm.leads, definition=settings.definition, root=folder, labelled=True)
    judged = material.judge(settings)
    lesson = lesson_of(material, judged, settings)
    folds = folds_of(lesson, material, judged, settings, seed=0)
    learning = learning_of(lesson, folds, material, judged, settings)
    fitted = fit(
        "logistic",
        learning.x,
        learning.y,
        categorical=lesson.categorical,
        newest_last=True,
        seed=0,
        weight=learning.weight,
    )
    # All leads of the learner's time, worked or not, as they were when marketing decided.
    decided = crm.leads["lead_score"].notna().to_numpy()
    rows = np.flatnonzero(decided)
    moments = judged.as_of.astype("datetime64[us]").view("i8")[rows]
    x = batch_of(material, rows, moments).encode(lesson.catalogue.features).x
    said = probability(fitted.machine.raw_log_odds(x))
    truth = crm.truth["probability_if_all_worked"].to_numpy()[rows]
    return float(said.mean() - truth.mean()), learning.effective_size / len(learning.y)


def test_bias_shrinks_by_half_and_half_of_what_leads_tell_is_left(tmp_path: Path) -> None:
    without = np.array([bias(seed, 0.0, tmp_path) for seed in range(SEEDS)])
    explored = np.array([bias(seed, 0.1, tmp_path) for seed in range(SEEDS)])
    # Sales picks leads that close some 4 points better than all would.
    assert without[:, 0].mean() > 0.025
    assert abs(explored[:, 0].mean()) < 0.5 * without[:, 0].mean()
    # Paired over seeds, the gain is no chance: more than three standard errors.
    gain = without[:, 0] - explored[:, 0]
    assert gain.mean() > 3 * gain.std(ddof=1) / np.sqrt(SEEDS)
    assert (without[:, 1] == 1).all()
    assert (explored[:, 1] >= 0.4999).all()
    assert (explored[:, 1] < 0.8).all()

"""Champion against challenger: who serves after a training run."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from leadml.data.values import MICROSECONDS_A_DAY, microseconds
from leadml.errors import LeadmlError
from leadml.evaluation.interval import p_words
from leadml.model.bundle import champion_bundle, read_aliases
from leadml.workflows.material import batch_of
from leadml.workflows.run import Run
from leadml.workflows.score import Scorer

FEWEST_OF_EACH = 20
"""Fewest new wins and new losses on which the two are compared."""


@dataclass(frozen=True)
class Challenge:
    """A paired comparison on leads the champion has not learnt from.

    Attributes
    ----------
    leads, won : int
    champion, challenger : float
        Log loss on them.
    chance : float
        One-sided p-value of *the challenger is no better*.
    """

    leads: int
    won: int
    champion: float
    challenger: float
    chance: float


def decide_alias(run: Run) -> tuple[str, str]:
    """Return the alias the new version gets, and why in one sentence.

    It becomes champion where there is none, or where its out-of-time predictions beat the
    champion's on leads that matured after the champion's data window (paired test of log loss at
    the agreed confidence).
    """
    models = run.settings.models
    aliases = read_aliases(models)
    if "champion" not in aliases:
        return "champion", "there was no champion"
    serving = aliases["champion"]["version"]
    try:
        scorer = Scorer.load(champion_bundle(models))
        rows = _unseen(run, scorer)
    except LeadmlError as error:
        return "challenger", f"version {serving} serves and could not be compared: {error}"
    leaks = [c for c in scorer.bundle.features.columns if c in run.audit.quarantined]
    if leaks:
        why = (
            f"version {serving} stays champion although it reads {', '.join(leaks)}, which the "
            "audit now leaves out: a comparison would flatter it, so look at the findings and use "
            "`leadml promote`"
        )
        return "challenger", why
    y = run.lesson.y[rows]
    won = int(y.sum())
    if min(won, len(y) - won) < FEWEST_OF_EACH:
        why = (
            f"version {serving} stays champion: only {won} won and {len(y) - won} not won leads "
            f"are new to it, {FEWEST_OF_EACH} of each are needed to compare"
        )
        return "challenger", why
    return _told(_compare(run, scorer, rows), serving, run.settings.definition.agreement.confidence)


def _unseen(run: Run, scorer: Scorer) -> NDArray[np.intp]:
    """Return positions in the lesson with an out-of-time prediction, new to the champion.

    Neither learnt from nor matured within the champion's data window: ids alone would not tell
    where they are made from contents that change.
    """
    rows = run.selection.rows
    ids = run.material.leads.lead_id[run.lesson.rows[rows]].tolist()
    new = ~scorer.trained_on(ids)
    window = scorer.manifest["data_window"]["as_of"]
    if window is not None and run.judged.dated:
        horizon = round(run.settings.definition.agreement.horizon_days * MICROSECONDS_A_DAY)
        matured = run.lesson.as_of[rows] + horizon
        new &= matured > microseconds(datetime.fromisoformat(window))
    return rows[new]


def _compare(run: Run, scorer: Scorer, rows: NDArray[np.intp]) -> Challenge:
    batch = batch_of(run.material, run.lesson.rows[rows], run.lesson.as_of[rows])
    theirs = scorer.score_batch(batch, explain=False).log_odds
    y = run.lesson.y[rows].astype(float)
    champion = np.logaddexp(0, theirs) - y * theirs
    ours = run.selection.forward[rows]
    challenger = np.logaddexp(0, ours) - y * ours
    gain = champion - challenger
    error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    chance = float(norm.sf(gain.mean() / error)) if error > 0 else float(gain.mean() <= 0)
    return Challenge(len(y), int(y.sum()), float(champion.mean()), float(challenger.mean()), chance)


def _told(challenge: Challenge, serving: str, confidence: float) -> tuple[str, str]:
    figures = (
        f"on {challenge.leads} leads new to version {serving} ({challenge.won} won) log loss is "
        f"{challenge.challenger:.4f} against {challenge.champion:.4f} ({p_words(challenge.chance)})"
    )
    if challenge.chance <= 1 - confidence:
        return "champion", f"better than the champion: {figures}"
    return (
        "challenger",
        f"version {serving} stays champion, not beaten at {100 * confidence:g}%: {figures}",
    )

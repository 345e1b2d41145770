"""Model against points, or challenger against champion: measured on the same resampled leads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leadml.evaluation.calibration import as_if_calibrated
from leadml.evaluation.interval import Interval
from leadml.evaluation.metrics import METRICS, Metric, miscalibration
from leadml.evaluation.tally import Floats, Ranked

LEVEL = 0.95
FEWEST_ACCOUNTS = 10
"""Accounts, leads where not known, under which no interval favours anybody: resamples of so few are
too much alike."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scored:
    """What one contestant said about the leads.

    Attributes
    ----------
    ranking : float array, shape (leads,)
        Scores in any unit; NaN only outside `rows`.
    probability : float array, shape (leads,), or None
        The same as probabilities; None where it cannot be said.
    rows : bool array, shape (leads,), or None
        Leads it has a score for; None means all.
    no_probability : str
        Why there is no probability.
    """

    ranking: Floats
    probability: Floats | None = None
    rows: NDArray[np.bool_] | None = None
    no_probability: str = "there is no probability"


class _Contestant:
    """One contestant's leads, sorted by ranking and by probability."""

    def __init__(self, won: NDArray[np.bool_], scored: Scored) -> None:
        self.rows = np.ones(len(won), bool) if scored.rows is None else scored.rows
        won = won[self.rows]
        self._ranking = Ranked(won, scored.ranking[self.rows])
        self._probability = None
        if scored.probability is not None:
            self._probability = Ranked(won, scored.probability[self.rows])
        self.no_probability = scored.no_probability

    def ranked(self, metric: Metric) -> Ranked | None:
        return self._ranking if metric.needs == "ranking" else self._probability

    def measures(self, weight: Floats | None = None) -> Floats:
        """Return the metrics in the order of `METRICS`; NaN where one does not apply."""
        weight = None if weight is None else weight[self.rows]
        tallies = {"ranking": self._ranking.tally(weight)}
        if self._probability is not None:
            tallies["probability"] = self._probability.tally(weight)
        values = [
            metric.compute(tallies[metric.needs]) if metric.needs in tallies else np.nan
            for metric in METRICS.values()
        ]
        return np.array(values)

    def absent(self, metric: Metric) -> str:
        if metric.needs == "probability" and self._probability is None:
            return self.no_probability
        return "needs won and lost leads, found only one of them"


@dataclass(frozen=True)
class Difference:
    """How far the first contestant is from the second in one metric.

    Attributes
    ----------
    metric : str
        Name in `METRICS`.
    first, second : float or None
        The contestants' values.
    difference : Interval
        ``first - second`` from the paired resamples.
    better : {"first", "second", None}
        Whom the interval favours; None where it holds 0 or does not apply.
    """

    metric: str
    first: float | None
    second: float | None
    difference: Interval
    better: str | None


class Challenge:
    """All contestants, measured on the leads and on every resample of them.

    Parameters
    ----------
    won : bool array, shape (leads,)
        Outcomes.
    contestants : mapping of str to Scored
        At least one.
    accounts : int array, shape (leads,), or None
        Leads with the same number belong to one account and are drawn together.
    replicates : int or None
        Number of resamples; None chooses by the number of leads (`replicates_for`).
    seed : int
        Of the resamples.
    progress : callable or None
        Told ``(done, total)`` after each resample.
    watch : callable or None
        Given how often each lead counts in each resample, to measure something else on it.

    Notes
    -----
    Percentile intervals at `LEVEL`, two-sided, widened to their own value where needed. Resampling
    shifts miscalibration and discrimination upwards (recalibration overfits a resample), so
    theirs are mirrored: ``[2 v - q_high, 2 v - q_low]``, from 0 up; and miscalibration starts at 0
    unless it exceeds 95 % of those seen when outcomes are drawn as if every probability were right.
    Coverage simulated with 500 and 4,000 leads, continuous and tied scores, right and wrong
    probabilities (``tests/benchmarks/interval_coverage.py``): .90 to 1.0 at the nominal .95, for
    differences too, where plain percentiles cover a true miscalibration of 0 never.
    """

    def __init__(
        self,
        won: NDArray[np.bool_],
        contestants: Mapping[str, Scored],
        *,
        accounts: NDArray[np.intp] | None = None,
        replicates: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
        watch: Callable[[Floats], None] = lambda _weight: None,
    ) -> None:
        won = np.asarray(won, bool)
        self.replicates = replicates or replicates_for(len(won))
        self._contestants = {name: _Contestant(won, scored) for name, scored in contestants.items()}
        self._values = {name: one.measures() for name, one in self._contestants.items()}
        self._random, self._watch = np.random.default_rng(seed), watch
        clusters = _clusters(accounts, len(won))
        self.settles = len(np.unique(clusters)) >= FEWEST_ACCOUNTS
        self._resampled = self._resample(clusters, progress)

    def _resample(self, cluster: NDArray[np.intp], progress: Progress | None) -> dict[str, Floats]:
        clusters = int(cluster.max()) + 1
        drawn: dict[str, list[Floats]] = {name: [] for name in self._contestants}
        for done in range(1, self.replicates + 1):
            picks = self._random.integers(0, clusters, clusters)
            weight = np.bincount(picks, minlength=clusters)[cluster].astype(float)
            for name, contestant in self._contestants.items():
                drawn[name].append(contestant.measures(weight))
            self._watch(weight)
            if progress is not None:
                progress(done, self.replicates)
        return {name: np.array(rows) for name, rows in drawn.items()}

    def scores(self, name: str) -> dict[str, Interval]:
        """Return every metric of one contestant with its interval."""
        contestant = self._contestants[name]
        intervals = {}
        for column, (key, metric) in enumerate(METRICS.items()):
            value = float(self._values[name][column])
            if np.isnan(value):
                intervals[key] = Interval.absent(contestant.absent(metric))
                continue
            interval = _interval(value, self._resampled[name][:, column], metric)
            if key == "miscalibration" and value <= self._by_chance(contestant):
                interval = Interval(interval.value, 0.0, interval.high)
            intervals[key] = interval.clipped(0.0)
        return intervals

    def _by_chance(self, contestant: _Contestant, draws: int = 200) -> float:
        """Return the miscalibration that right probabilities exceed in 5 % of samples."""
        ranked = contestant.ranked(METRICS["miscalibration"])
        tally = ranked.tally() if ranked else None
        if tally is None:
            return 0.0
        drawn = [miscalibration(as_if_calibrated(tally, self._random)) for _ in range(draws)]
        return float(np.quantile(drawn, LEVEL))

    def differences(self, first: str, second: str) -> list[Difference]:
        """Compare two contestants metric by metric on the same resamples."""
        rows = []
        for column, (key, metric) in enumerate(METRICS.items()):
            values = [float(self._values[name][column]) for name in (first, second)]
            gap = values[0] - values[1]
            if np.isnan(gap):
                reason = self._why_no_gap(first, second, column, metric)
                difference = Interval.absent(reason)
            else:
                drawn = self._resampled[first][:, column] - self._resampled[second][:, column]
                difference = _interval(gap, drawn, metric)
            shown = [None if np.isnan(value) else value for value in values]
            favoured = _favours(difference, metric) if self.settles else None
            rows.append(Difference(key, shown[0], shown[1], difference, favoured))
        return rows

    def _why_no_gap(self, first: str, second: str, column: int, metric: Metric) -> str:
        lacking = first if np.isnan(self._values[first][column]) else second
        return self._contestants[lacking].absent(metric)


def _clusters(accounts: NDArray[np.intp] | None, leads: int) -> NDArray[np.intp]:
    return np.arange(leads) if accounts is None else np.asarray(accounts, np.intp)


def _interval(value: float, drawn: Floats, metric: Metric) -> Interval:
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if metric.biased:
        low, high = 2 * value - high, 2 * value - low
    return Interval.around(value, low, high)


def _favours(difference: Interval, metric: Metric) -> str | None:
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return None
    return "first" if (difference.low > 0) == (metric.better == "higher") else "second"


def replicates_for(leads: int) -> int:
    """Return how many resamples to draw: 1,000 for few leads, never under 200.

    About 20 million lead draws in all, so that 40,000 leads take a few seconds.
    """
    return int(np.clip(20_000_000 // max(leads, 1), 200, 1_000))


def account_numbers(accounts: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return a number for each account; every lead without one is an account of its own."""
    seen: dict[object, int] = {}
    numbers = np.empty(len(accounts), np.intp)
    for row, account in enumerate(accounts):
        key = ("lead", row) if account is None else account
        numbers[row] = seen.setdefault(key, len(seen))
    return numbers

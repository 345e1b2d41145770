"""What a model of few outcomes is worth, and whether the intervals told with it are honest.

    python tests/benchmarks/small_companies.py [--seeds 30]

trains, as `leadml train` does it, on simulated companies with 200 leads, and with some 40 wins a
year, and holds each model against the truth of 3,000 later leads of the same company. Printed are:
how far apart its probabilities are compared to the true ones (standard deviations), the calibration
slope, the log loss above the truth of the model and of quoting the close rate of the training leads
to everyone, and how often the bounds that are told hold the truth: of the hand-off group that the
threshold makes (among the later leads), of all matured hand-offs, and of the hand-off group in an
evaluation on the next 150 worked leads. Bounds are one-sided, each with 95 % confidence.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import leadml
from leadml.data.simulate import SimulatedCrm, simulate
from leadml.errors import TooFewOutcomes
from leadml.evaluation.close_rate import lower_bound, upper_bound
from leadml.evaluation.recovery import recovery

START, PAST_DAYS = date(1990, 1, 1), 540  # the later leads take up to 22 years to come
LATER_LEADS, EVALUATED = 3000, 150
CONFIDENCE = 0.95
COMPANIES: dict[str, dict[str, Any]] = {
    "200 leads, 25 % won": {"leads": 200, "base_rate": 0.25},
    "200 leads, 40 % won": {"leads": 200, "base_rate": 0.4},
    "40 wins a year, 10 % won": {"leads": 830, "base_rate": 0.10},
    "40 wins a year, 20 % won": {"leads": 415, "base_rate": 0.2},
    "40 wins a year, no signal": {"leads": 415, "base_rate": 0.2, "signal": 0.0},
}


@dataclass(frozen=True)
class Seen:
    """One company's model, held against the truth."""

    chosen: str
    basis: str
    won: int
    spread: float
    slope: float | None
    excess: float
    excess_of_rate: float
    above: float | None
    threshold_low: bool | None
    threshold_high: bool | None
    all_low: bool
    all_high: bool
    evaluated_low: bool | None
    evaluated_high: bool | None


def make(company: dict[str, Any], seed: int) -> tuple[SimulatedCrm, SimulatedCrm]:
    """Return the whole CRM, and its export on the day of training.

    Leads come in at one pace, so the time after the export is as long as 3,000 leads take.
    """
    switches = dict(company)
    leads = switches.pop("leads")
    days = PAST_DAYS + round(LATER_LEADS / leads * PAST_DAYS)
    crm = simulate(leads + LATER_LEADS, seed=seed, start=START, days=days, **switches)
    then = datetime.combine(START, datetime.min.time(), UTC) + timedelta(days=PAST_DAYS)
    return crm, crm.as_of(then)


def see(company: dict[str, Any], seed: int, tracking: str) -> Seen | None:
    """Train one company; None where training refuses for too few outcomes."""
    crm, past = make(company, seed)
    later = crm.leads.iloc[len(past.leads) :]
    worked = crm.truth["followed_up"] & crm.leads["handed_off_at"].notna()
    later = later[worked.iloc[len(past.leads) :]]
    with tempfile.TemporaryDirectory() as name:
        config, output = Path(name, "leadml.toml"), Path(name, "scores.parquet")
        config.write_text(f'{crm.definition}\n[tracking]\nuri = "{tracking}"\n', "utf-8")
        try:
            training = leadml.train(past.leads, activities=past.activities, config=config)
        except TooFewOutcomes:
            return None
        leadml.score(later, output, activities=crm.activities, config=config)
        said = pd.read_parquet(output)["probability"].to_numpy()
    truth = crm.truth.loc[later.index]
    return _seen(training, said, truth, seed)


def _seen(training: Any, said: np.ndarray, truth: pd.DataFrame, seed: int) -> Seen:
    true = truth["probability"].to_numpy()
    rate = training.won / training.leads
    found = recovery(said, true)
    quoted = recovery(np.full(len(true), rate), true)
    cut = training.threshold
    above = said >= (np.inf if cut.probability is None else cut.probability)
    there = cut.low is not None and above.any()
    mean = float(true[above].mean()) if above.any() else None
    low, high = bounds(training.won, training.leads)
    drawn = np.random.default_rng([seed, 7]).random(EVALUATED) < true[:EVALUATED]
    group = above[:EVALUATED]
    group_low, group_high = bounds(int(drawn[group].sum()), int(group.sum()))
    in_group = float(true[:EVALUATED][group].mean()) if group.any() else None
    return Seen(
        chosen=training.chosen,
        basis=cut.basis,
        won=training.won,
        spread=float(said.std() / true.std()),
        slope=found.slope,
        excess=found.excess,
        excess_of_rate=quoted.excess,
        above=mean,
        threshold_low=bool(cut.low <= mean) if there else None,
        threshold_high=bool(mean <= cut.high) if there else None,
        all_low=low <= float(true.mean()),
        all_high=float(true.mean()) <= high,
        evaluated_low=None if in_group is None else group_low <= in_group,
        evaluated_high=None if in_group is None else in_group <= group_high,
    )


def bounds(won: int, leads: int) -> tuple[float, float]:
    if not leads:
        return 0.0, 1.0
    return lower_bound(won, leads, CONFIDENCE), upper_bound(won, leads, CONFIDENCE)


def share(held: Iterable[bool | None]) -> str:
    told = [value for value in held if value is not None]
    return f"{sum(told)}/{len(told)}" if told else "-"


def show(name: str, seen: list[Seen | None]) -> None:
    trained = [one for one in seen if one is not None]
    print(f"\n{name}: {len(trained)} of {len(seen)} had outcomes enough to train", flush=True)
    if not trained:
        return
    slopes = [one.slope for one in trained if one.slope is not None]
    means = {
        "wins learnt from": np.mean([one.won for one in trained]),
        "spread of probabilities, truth 1": np.mean([one.spread for one in trained]),
        "slope, middle of those with one": np.median(slopes) if slopes else np.nan,
        "log loss above the truth, nats": np.mean([one.excess for one in trained]),
        "the same, quoting the close rate": np.mean([one.excess_of_rate for one in trained]),
        "share better than quoting it": np.mean([o.excess < o.excess_of_rate for o in trained]),
        "worst loss to quoting it, nats": max(o.excess - o.excess_of_rate for o in trained),
    }
    for what, value in means.items():
        print(f"  {what:<36}{value:>9.3f}")
    print(f"  chosen {dict(Counter(one.chosen for one in trained))}")
    for basis in ("guaranteed", "estimated"):
        some = [one for one in trained if one.basis == basis]
        low, high = (share(getattr(o, f"threshold_{end}") for o in some) for end in ("low", "high"))
        kept = share(None if o.above is None else o.above >= 0.3 for o in some)
        print(f"  cut {basis:<10} {len(some)}: lower {low}, upper {high}; closes 30 % {kept}")
    for what, ends in (("all matured", "all"), ("evaluated group", "evaluated")):
        low, high = (share(getattr(o, f"{ends}_{end}") for o in trained) for end in ("low", "high"))
        print(f"  {what}: lower {low}, upper {high}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--companies", nargs="+", choices=COMPANIES, default=list(COMPANIES))
    words = parser.parse_args()
    print(f"{words.seeds} seeds")
    with tempfile.TemporaryDirectory() as name:
        tracking = f"sqlite:///{Path(name, 'mlflow.db')}"
        for company in words.companies:
            show(company, [see(COMPANIES[company], seed, tracking) for seed in range(words.seeds)])


if __name__ == "__main__":
    main()

"""Whether training recovers the truth, on simulated CRMs where every lead's probability is known.

    python tests/benchmarks/known_truth.py [--leads 12000] [--seeds 3] [--rates 0.05 0.2 0.4]
        [--worlds NAME ...] [--fast] [--json FILE]

For every world, base rate and seed a model is trained on an export of LEADS leads, as `leadml
train` does it, and asked about the worked leads of the 90 days after it: none of them was there
when it was trained, and most have no outcome yet. Printed are, over the seeds: the mean probability
minus the true one in points, the calibration slope, the log loss above that of the true
probabilities in nats, how many guaranteed hand-off groups truly reach the agreed rate, how many
leads the cut (guaranteed or estimated) hands off, as a share of the most that truly close at that
rate, which model was chosen, and the seconds a training took. Where wins and losses take unlike
times, the same learner is also trained as it is commonly done: on closed leads only; where
attributes are edited after the outcome, on the table as it is today. Where sales picks leads by a
feeling that no export shows, the model is also asked about all hand-offs, and held against what
they would become *were all worked*: with and without exploration. ``--fast`` keeps to a few worlds,
one base rate and two seeds.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import leadml
from leadml.data.simulate import SimulatedCrm, simulate
from leadml.evaluation.recovery import Recovery, recovery

Floats = NDArray[np.float64]
START = date(2024, 7, 1)
FRESH_DAYS = 90
YEAR_AND_A_HALF, YEAR = 540, 365

WORLDS: dict[str, dict[str, Any]] = {
    "usual": {},
    "slow wins": {"delay": "slow_wins", "days": YEAR},
    "fast wins": {"delay": "fast_wins", "days": YEAR},
    "half neglected, by score": {"neglect": 0.5},
    "half neglected, unseen": {"neglect": 0.5, "neglect_by": "unseen"},
    "the same, 10 % explored": {"neglect": 0.5, "neglect_by": "unseen", "explore": 0.1},
    "bulk closing": {"neglect": 0.5, "bulk_closing": 0.8},
    "leaks": {"leaks": True},
    "edited after wins": {"attribute_changes": 0.4},
    "accounts": {"account_effect": 0.8},
    "reps": {"rep_skill": 1.0},
    "rising": {"drift": 0.7},
    "falling": {"drift": -0.7},
    "no signal": {"signal": 0.0},
}
FAST = (
    "usual", "fast wins", "half neglected, unseen", "the same, 10 % explored", "falling",
    "no signal",
)  # fmt: skip
AGREED = 0.30  # close rate of the simulated agreement
CLOSED_ONLY, TODAY = " (closed leads only)", " (as the table is today)"
ALL_WORKED = " (were all worked)"


@dataclass(frozen=True)
class Run:
    """One training, held against the truth."""

    world: str
    base_rate: float
    seed: int
    recovery: Recovery
    chosen: str
    basis: str
    violated: bool | None
    volume: float | None
    seconds: float


@dataclass(frozen=True)
class Past:
    """The whole period, and the day on which the training export was made."""

    crm: SimulatedCrm
    then: datetime

    @property
    def export(self) -> SimulatedCrm:
        return self.crm.as_of(self.then)


def make(world: str, leads: int, base_rate: float, seed: int) -> Past:
    """Simulate a period of which the first part holds `leads` leads."""
    switches = dict(WORLDS[world])
    days = switches.pop("days", YEAR_AND_A_HALF)
    longer = days + FRESH_DAYS
    crm = simulate(
        round(leads * longer / days),
        seed=seed,
        start=START,
        days=longer,
        base_rate=base_rate,
        **switches,
    )
    then = datetime.combine(START, datetime.min.time(), UTC) + timedelta(days=days)
    return Past(crm, then)


def fresh(past: Past, *, everyone: bool) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return leads, activities and truth of the hand-offs made after the training export.

    Only of those that sales works, unless `everyone` is asked about.

    Attributes are as they were at the hand-off, and what is only known after the outcome is empty.
    """
    crm = past.crm
    created = pd.to_datetime(crm.leads["created_at"], utc=True)
    handed_off = crm.leads["handed_off_at"].notna()
    worked = crm.truth["followed_up"] | everyone
    rows = ((created >= past.then) & worked & handed_off).to_numpy()
    leads = crm.leads[rows].copy()
    for name in crm.leaking:
        leads[name] = None
    first = crm.history.drop_duplicates(["lead_id", "field"])
    for field, edits in first.groupby("field"):
        old = edits.set_index("lead_id")["old_value"]
        edited = leads["lead_id"].isin(old.index)
        values = leads.loc[edited, "lead_id"].map(old)
        numeric = pd.api.types.is_numeric_dtype(leads[field])
        leads.loc[edited, field] = pd.to_numeric(values) if numeric else values
    touches = crm.activities[crm.activities["lead_id"].isin(leads["lead_id"])]
    return leads, touches, crm.truth[rows]


def closed_only(export: SimulatedCrm) -> tuple[pd.DataFrame, str]:
    """Return the worked leads that are closed, and a definition that takes them as they are.

    A win too late or too thin to be sales-ready counts as lost, so that what is learnt differs by
    the choice of leads alone.
    """
    leads = export.leads
    closed = leads["stage"].isin(["Closed Won", "Closed Lost"]) & export.truth["followed_up"]
    took = pd.to_datetime(leads["closed_at"], utc=True) - pd.to_datetime(
        leads["handed_off_at"], utc=True
    )
    late = (took > pd.Timedelta(days=90)) | (leads["margin"] < 0.15)
    leads = leads.assign(stage=leads["stage"].mask(late & closed, "Closed Lost"))
    drop = ("closed_at =", "margin =")
    lines = [line for line in export.definition.splitlines() if not line.startswith(drop)]
    lines = [line.replace("min_margin = 0.15", "min_margin = 0") for line in lines]
    return leads[closed].drop(columns=["closed_at", "margin"]), "\n".join(lines)


def train_and_ask(world: str, past: Past, base_rate: float, seed: int, *, naive: str = "") -> Run:
    """Train on the export and hold what the model says of fresh leads against the truth."""
    export, history = past.export, None
    leads, definition = export.leads, export.definition
    if naive == CLOSED_ONLY:
        leads, definition = closed_only(export)
    elif naive in ("", ALL_WORKED) and len(export.history):
        history = export.history
    everyone = naive == ALL_WORKED
    new, touches, truth = fresh(past, everyone=everyone)
    with tempfile.TemporaryDirectory() as name:
        config = Path(name, "leadml.toml")
        config.write_text(definition, "utf-8")
        start = time.perf_counter()
        training = leadml.train(
            leads, activities=export.activities, history=history, config=config, seed=seed
        )
        seconds = time.perf_counter() - start
        scores = Path(name, "scores.parquet")
        new = new.drop(columns=[c for c in new.columns if c not in leads.columns])
        leadml.score(new, scores, activities=touches, config=config, model=training.version)
        said = pd.read_parquet(scores)["probability"].to_numpy()
    true = truth["probability_if_all_worked" if everyone else "probability"].to_numpy()
    finest = true if everyone else truth["probability_given_account"].to_numpy()
    cut = training.threshold
    violated = None
    if (
        not everyone
        and cut.basis == "guaranteed"
        and cut.probability is not None
        and (said >= cut.probability).any()
    ):
        violated = bool(finest[said >= cut.probability].mean() < AGREED)
    return Run(
        world=world + naive,
        base_rate=base_rate,
        seed=seed,
        recovery=recovery(said, true, finest=finest),
        chosen=training.chosen,
        basis=cut.basis,
        violated=violated,
        volume=of_the_best(said, finest, cut.probability),
        seconds=seconds,
    )


def of_the_best(said: Floats, true: Floats, cut: float | None) -> float | None:
    """Return the leads handed off over the most, best first, that truly close at the rate."""
    means = np.cumsum(true[np.argsort(-said)]) / np.arange(1, len(true) + 1)
    best = int(np.flatnonzero(means >= AGREED).max(initial=-1)) + 1
    return None if cut is None or not best else float((said >= cut).sum()) / best


def runs_of(world: str, leads: int, base_rate: float, seed: int) -> list[Run]:
    """Train on one simulated CRM, and as it is commonly done where that misleads."""
    past = make(world, leads, base_rate, seed)
    runs = [train_and_ask(world, past, base_rate, seed)]
    if "delay" in WORLDS[world]:
        runs.append(train_and_ask(world, past, base_rate, seed, naive=CLOSED_ONLY))
    if "neglect_by" in WORLDS[world]:
        runs.append(train_and_ask(world, past, base_rate, seed, naive=ALL_WORKED))
    if "attribute_changes" in WORLDS[world]:
        runs.append(train_and_ask(world, past, base_rate, seed, naive=TODAY))
    return runs


HEADER = (
    f"{'world':<44}{'rate':>5}  {'mean - truth, points':<24}{'slope':<20}"
    f"{'log loss - truth, nats':<24}{'guarantee':>10}{'of best':>9}{'s':>6}  chosen"
)


def row(runs: list[Run]) -> str:
    """Return one line: mean over seeds, and the range."""
    found = [run.recovery for run in runs]
    off = spread([100 * r.mean_off for r in found], "+.1f")
    slope = spread([r.slope for r in found if r.slope is not None], ".2f")
    excess = spread([r.excess for r in found], ".4f")
    promises = [run.violated for run in runs if run.violated is not None]
    kept = f"{len(promises) - sum(promises)}/{len(promises)}" if promises else "-"
    chosen = ", ".join(f"{name} {n}" for name, n in Counter(r.chosen for r in runs).most_common())
    volumes = [run.volume for run in runs if run.volume is not None]
    volume = f"{np.mean(volumes):.0%}" if volumes else "-"
    seconds = np.mean([run.seconds for run in runs])
    return (
        f"{runs[0].world:<44}{runs[0].base_rate:>5.2f}  {off:<24}{slope:<20}{excess:<24}"
        f"{kept:>10}{volume:>9}{seconds:>6.1f}  {chosen}"
    )


def spread(values: list[float], form: str) -> str:
    if not values:
        return "-"
    low, mean, high = (format(f(values), form) for f in (np.min, np.mean, np.max))
    return f"{mean} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.05, 0.2, 0.4])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    if words.fast:
        words.worlds, words.rates, words.seeds = list(FAST), [0.2], 2
    print(f"{words.leads} leads, {words.seeds} seeds; mean (least to most)\n{HEADER}")
    done: list[Run] = []
    for world in words.worlds:
        for rate in words.rates:
            runs = [r for s in range(words.seeds) for r in runs_of(world, words.leads, rate, s)]
            for name in dict.fromkeys(run.world for run in runs):
                print(row([run for run in runs if run.world == name]), flush=True)
            done += runs
    if words.json:
        words.json.write_text(json.dumps([asdict(run) for run in done], indent=1), "utf-8")


if __name__ == "__main__":
    main()

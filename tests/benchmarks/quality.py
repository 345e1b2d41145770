"""How well `leadml train` predicts, on public leads, beside AutoGluon and published figures.

`make bench-quality` runs it. It splits the public data sets named by LEADML_DATASETS, trains and
evaluates through the command line, and prints AUC, log loss and seconds of wall clock beside the
published figures. Where LEADML_AUTOGLUON names a Python that can import AutoGluon 1.6, that learns
from the same leads (best_quality, 120 s, 2 cores). Then come the leakage audit's precision and
recall and the recovery of simulated truth. Nothing here passes or fails.

    python tests/benchmarks/quality.py [SET ...] [--only-splits]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split

from leadml.data.datasets.catalogue import find_dataset
from leadml.data.datasets.prepare import prepare_dataset
from leadml.data.datasets.prepared import Prepared
from leadml.settings import load_settings
from leadml.workflows.lesson import lesson_of
from leadml.workflows.material import gather

HERE = Path(__file__).parent
DAY, HOUR = pd.Timedelta(days=1), pd.Timedelta(hours=1)
Halves = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Split:
    """A public data set, how it is halved, and what others reached on it: (AUC, log loss)."""

    name: str
    words: str
    halve: Callable[[Prepared], Halves]
    outcome: str
    won: str
    published: dict[str, tuple[float | None, float | None]]


def at_random(prepared: Prepared) -> Halves:
    """Return the stratified 70/30 split with seed 0."""
    older, newer = train_test_split(
        prepared.leads, test_size=0.3, stratify=prepared.leads["Revenue"], random_state=0
    )
    return older, newer


def in_order(prepared: Prepared) -> Halves:
    """Return the first 70 % and the last 30 % of the rows."""
    cut = int(0.7 * len(prepared.leads))
    return prepared.leads.iloc[:cut], prepared.leads.iloc[cut:]


def open_after_an_hour(prepared: Prepared) -> Halves:
    """Return the older 70 % and the newer 30 % of leads open after an hour, 45 days later known."""
    leads = prepared.leads
    times = (leads["registered_at"], leads["closed_at"], prepared.activities["timestamp"])
    registered, closed, at = (pd.to_datetime(t, utc=True, format="ISO8601") for t in times)
    judged = registered + HOUR
    known = (closed.isna() | (closed > judged)) & (judged + 45 * DAY <= at.max())
    order = registered[known].sort_values(kind="stable").index
    cut = int(0.7 * len(order))
    return leads.loc[order[:cut]], leads.loc[order[cut:]]


SPLITS = (
    Split(
        "online-shoppers",
        "stratified 70/30, seed 0, without PageValues",
        at_random,
        "Revenue",
        "1",
        {
            "AutoGluon 1.6 best_quality, 120 s (published)": (0.7848, 0.3589),
            "logistic regression (published)": (0.7533, 0.3744),
            "boosted trees, regularised (published)": (0.7837, 0.3588),
        },
    ),
    Split(
        "bpi2012",
        "one hour after registration, won within 45 days, first 70 % to last 30 %",
        open_after_an_hour,
        "stage",
        "won",
        {
            "AutoGluon 1.6 best_quality, 120 s (published)": (0.6917, 0.5364),
            "logistic regression (published)": (0.6600, 0.5541),
            "boosted trees, regularised (published)": (0.6936, 0.5387),
        },
    ),
    Split(
        "bank-marketing",
        "first 70 % to last 30 %, without duration",
        in_order,
        "y",
        "yes",
        {
            "AutoGluon 1.6 best_quality, 120 s (published)": (0.6006, 0.5661),
            "logistic regression, at best (published)": (0.667, 0.569),
            "boosted trees (published)": (0.655, 0.65),
        },
    ),
)


def show(
    what: str, auc: float | None, log_loss: float | None, seconds: float | None = None
) -> None:
    cells = [f"{value:.4f}" if value is not None else "" for value in (auc, log_loss)]
    took = f"{seconds:.1f} s" if seconds is not None else ""
    sys.stdout.write(f"  {what:<48}{cells[0]:>8}{cells[1]:>10}{took:>9}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def leadml(*words: object) -> tuple[dict[str, Any], float]:
    """Run a command; return what it prints as JSON, and its seconds of wall clock."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "leadml", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout), seconds


def write(split: Split, source: Path, folder: Path) -> tuple[Prepared, list[object]]:
    """Write both halves, activities and definition; return what every command is told."""
    inside = source / split.name if (source / split.name).is_dir() else source
    prepared, warnings = prepare_dataset(find_dataset(split.name), inside)
    for warning in warnings:
        say(f"  {warning}")
    older, newer = split.halve(prepared)
    older.to_csv(folder / "older.csv", index=False)
    newer.to_csv(folder / "newer.csv", index=False)
    (folder / "leadml.toml").write_text(prepared.definition, "utf-8")
    told: list[object] = ["--config", folder / "leadml.toml"]
    if prepared.activities is not None:
        prepared.activities.to_csv(folder / "activities.csv", index=False)
        told += ["--activities", folder / "activities.csv"]
    return prepared, told


def ours(folder: Path, told: list[object]) -> None:
    training, seconds = leadml("train", folder / "older.csv", *told)
    evaluation, _ = leadml("evaluate", folder / "newer.csv", *told)
    model = evaluation["scores"]["model"]
    name = f"leadml train ({training['chosen']} of {training['leads']:,} leads)"
    show(name, model["auc"]["value"], model["log_loss"]["value"], seconds)
    say(f"    chosen among: {', '.join(_candidate(row) for row in training['candidates'])}")


def _candidate(row: dict[str, Any]) -> str:
    return f"{row['name']} {row['log_loss']:.4f}"


def flat(prepared: Prepared, split: Split, folder: Path) -> Iterator[Path]:
    """Write both halves as plain tables for a rival: the published columns, or ours as of then.

    A rival knows nothing of activities and moments: where a set has activities it gets the very
    features that leadml computes as of the moment judged.
    """
    for half in ("older", "newer"):
        leads = pd.read_csv(folder / f"{half}.csv", dtype=str, keep_default_na=False)
        if prepared.activities is None:
            table = plain(leads, split, folder)
        else:
            table = computed(leads, prepared, split, folder)
        path = folder / f"{half}-flat.csv"
        table.to_csv(path, index=False)
        yield path


def plain(leads: pd.DataFrame, split: Split, folder: Path) -> pd.DataFrame:
    mapping = load_settings(folder / "leadml.toml").definition.leads
    made = [mapping.id, "created_at", *mapping.ignore, split.outcome]
    kept = leads.drop(columns=[column for column in made if column in leads])
    return kept.assign(outcome=(leads[split.outcome] == split.won).astype(int))


def computed(leads: pd.DataFrame, prepared: Prepared, split: Split, folder: Path) -> pd.DataFrame:
    settings = load_settings(folder / "leadml.toml")
    sides = [pd.read_csv(folder / f"{half}.csv", dtype=str) for half in ("older", "newer")]
    material = gather(
        pd.concat(sides, ignore_index=True),
        definition=settings.definition,
        root=folder,
        activities=prepared.activities,
        labelled=True,
    )
    lesson = lesson_of(material, material.judge(settings), settings)
    table = pd.DataFrame(lesson.x, columns=lesson.catalogue.features.names)
    table = table.assign(outcome=lesson.y, lead=material.leads.lead_id[lesson.rows])
    wanted = table["lead"].isin(set(leads["lead_id"]))
    return table[wanted].drop(columns="lead")


def rival(prepared: Prepared, split: Split, folder: Path) -> None:
    python = os.environ.get("LEADML_AUTOGLUON")
    if not python:
        say("    AutoGluon is not run here: LEADML_AUTOGLUON names no Python that can import it")
        return
    older, newer = flat(prepared, split, folder)
    start = time.perf_counter()
    command = [python, str(HERE / "autogluon_rival.py"), str(older), str(newer), str(folder / "ag")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"    AutoGluon did not run: {done.stderr.strip().splitlines()[-1:]}")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    name = f"AutoGluon {found['version']} best_quality (run here)"
    show(name, found["auc"], found["log_loss"], time.perf_counter() - start)


def compare(split: Split, source: Path) -> None:
    say(f"\n{split.name}: {split.words}")
    say(f"  {'':<48}{'AUC':>8}{'log loss':>10}{'wall':>9}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared, told = write(split, source, folder)
        ours(folder, told)
        rival(prepared, split, folder)
    for what, (auc, log_loss) in split.published.items():
        show(what, auc, log_loss)


def others() -> None:
    """Run the measurements of the leakage audit and of simulated truth, where they are there."""
    for title, file, words in (
        ("Leakage audit: precision and recall", "leakage.py", ["--fast"]),
        ("Recovery of simulated truth", "known_truth.py", ["--fast"]),
    ):
        if (HERE / file).is_file():
            say(f"\n{title} (python tests/benchmarks/{' '.join([file, *words])})")
            subprocess.run([sys.executable, str(HERE / file), *words], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="quality on public splits")
    parser.add_argument("sets", nargs="*", help="data sets to run; default all")
    parser.add_argument("--only-splits", action="store_true", help="leave the other figures out")
    words = parser.parse_args()
    source = os.environ.get("LEADML_DATASETS")
    if source:
        wanted = {find_dataset(name).name for name in words.sets} or {s.name for s in SPLITS}
        for split in SPLITS:
            if split.name in wanted:
                compare(split, Path(source))
    else:
        say("Public splits are skipped: LEADML_DATASETS names no folder of the public data sets")
    if not words.only_splits:
        others()


if __name__ == "__main__":
    main()

"""Precision and recall of the leakage audit, on public and simulated leads.

    LEADML_DATASETS=folder python tests/benchmarks/leakage.py [SEEDS] [--fast] [--details]
        [--leadforge FOLDER]

audits every public data set with nothing ignored; simulated CRMs without a leak (base rates, drift,
neglect, slow wins, no signal, and one really strong sound column), with the simulation's own
leaking columns, and with planted leaks of several kinds, alone and all at once. One table says for
each how many of the leaks are quarantined (recall), how many of the quarantined columns leak
(precision) and how many sound columns are lost. ``--fast`` takes one seed and fewer worlds, well
below two minutes. ``--leadforge`` names a bundle made with the package of that name, ``leadforge
generate --mode research_instructor``: its flagged columns are looked for.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leadml.data.datasets.catalogue import find_dataset
from leadml.data.datasets.prepare import prepare_dataset
from leadml.data.simulate import SimulatedCrm, simulate
from leadml.settings import load_settings
from leadml.snapshot.leakage import Audit, audit
from leadml.snapshot.leakage_case import Case
from leadml.workflows.lesson import lesson_of
from leadml.workflows.material import gather

PUBLIC = {
    "bank-marketing": {"duration"},
    "online-shoppers": {"PageValues"},
    "salvirt-b2b": set(),
    "bpi2012": set(),
}
FLAGGED = {"current_stage", "is_sql", "total_touches_all"}
IDS = {"contact_id"}
"""Columns of leadforge that name single people: no leaks, and no features either."""
RATES = (0.05, 0.1, 0.25, 0.4)


@dataclass(frozen=True)
class Measured:
    """One audit, its seconds, and the separation of every column."""

    audit: Audit
    seconds: float
    case: Case
    columns: frozenset[str]


def measure(
    leads: pd.DataFrame,
    activities: pd.DataFrame | None,
    definition: str,
    *,
    as_of: str | None = None,
) -> Measured:
    """Audit an export with nothing ignored."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "leadml.toml")
        lines = [line for line in definition.splitlines() if not line.startswith("ignore = ")]
        path.write_text("\n".join(lines), "utf-8")
        settings = load_settings(path)
        material = gather(
            leads,
            definition=settings.definition,
            root=Path(name),
            activities=activities,
            as_of=as_of,
            labelled=True,
        )
        judged = material.judge(settings)
        lesson = lesson_of(material, judged, settings)
    features = lesson.catalogue.features
    given = (judged, lesson.rows, lesson.x, lesson.y, features, lesson.as_of)
    start = time.perf_counter()
    found = audit(material.leads, material.activities, *given)
    seconds = time.perf_counter() - start
    return Measured(found, seconds, Case(material.leads, *given, 0), frozenset(features.columns))


@dataclass(frozen=True)
class Tally:
    """What was found in one set, or several alike: columns, of leaking ones and of sound ones."""

    what: str
    leaks: int = 0
    found: int = 0
    suspect: int = 0
    sound: int = 0
    lost: int = 0

    @classmethod
    def of(cls, what: str, measured: Measured, leaks: set[str]) -> "Tally":
        """Count one audit; a leak left out for another reason (an id, empty) is no feature."""
        quarantined, suspect = set(measured.audit.quarantined), set(measured.audit.suspect)
        there = leaks & measured.columns
        sound = measured.columns - leaks
        return cls(
            what,
            len(there),
            len(there & quarantined),
            len(there & suspect),
            len(sound),
            len(sound & quarantined),
        )

    def __add__(self, other: "Tally") -> "Tally":
        mine, theirs = vars(self), vars(other)
        return Tally(self.what, *(mine[key] + theirs[key] for key in list(mine)[1:]))

    def line(self) -> str:
        """Return the row of the table."""
        recall = f"{self.found / self.leaks:.3f}" if self.leaks else "-"
        all_found = self.found + self.lost
        precision = f"{self.found / all_found:.3f}" if all_found else "-"
        return (
            f"{self.what:<44} {self.leaks:>6} {self.found:>6} {self.suspect:>8} {recall:>7} "
            f"{self.sound:>6} {self.lost:>5} {precision:>9}"
        )


HEADING = (
    f"{'set':<44} {'leaks':>6} {'found':>6} {'suspect':>8} {'recall':>7} "
    f"{'sound':>6} {'lost':>5} {'precision':>9}"
)


def tell(what: str, measured: Measured, leaks: set[str], *, details: bool) -> Tally:
    """Count one audit and, with details, print what tells most and what was said of it."""
    if details:
        case = measured.case
        print(f"\n{what}: {len(case.y)} leads, {case.y.mean():.3f} won, {measured.seconds:.2f} s")
        for place in sorted(case.attributes, key=lambda i: -case.separations[i].auc)[:3]:
            name, it = case.features.features[place].column, case.separations[place]
            print(f"    {name:<28} AUC {it.auc:.3f} (cautious {it.low:.3f}, {it.distance:.2f} sd)")
        for finding in measured.audit.findings:
            print(f"    {finding.code} {finding.message[:180]}")
    return Tally.of(what, measured, leaks)


def public(folder: Path, *, details: bool) -> Iterator[Tally]:
    for name, leaks in PUBLIC.items():
        dataset = find_dataset(name)
        inside = folder / "bpi2012" if name == "bpi2012" else folder
        prepared, _ = prepare_dataset(dataset, inside)
        measured = measure(prepared.leads, prepared.activities, prepared.definition)
        yield tell(name, measured, leaks, details=details)


def plain(crm: SimulatedCrm) -> pd.DataFrame:
    return crm.leads.copy()


def with_strong(crm: SimulatedCrm) -> pd.DataFrame:
    """Add what a perfect judge would say of each lead at the hand-off: strong, and sound."""
    p = crm.truth["probability"].to_numpy()
    return crm.leads.assign(assessment=np.round(np.log(p / (1 - p)), 3))


WORLDS: dict[str, tuple[dict[str, float], Callable[[SimulatedCrm], pd.DataFrame]]] = {
    "usual": ({}, plain),
    "drifting": ({"drift": 1.5}, plain),
    "neglected": ({"neglect": 0.5}, plain),
    "slow wins": ({"delay_days": 60.0}, plain),
    "no signal": ({"signal": 0.0}, plain),
    "one strong sound column": ({}, with_strong),
    "one very strong sound column": ({"signal": 3.0}, with_strong),
}


def sound(asked: "Asked") -> Iterator[Tally]:
    for name, (switches, export) in WORLDS.items():
        total = Tally(f"no leak, {name}")
        for rate, seed in asked.worlds():
            crm = simulate(asked.leads, seed=seed, base_rate=rate, **switches)  # type: ignore[arg-type]
            measured = measure(export(crm), crm.activities, crm.definition)
            what = f"{name}, base rate {rate}, seed {seed}"
            total += tell(what, measured, set(), details=asked.details)
        yield total


def planted(crm: SimulatedCrm, seed: int) -> dict[str, pd.Series]:
    """Return columns as a CRM would export them at the end of the period."""
    rng = np.random.default_rng([seed, 99])
    leads = crm.leads
    won, closed = leads["stage"] == "Closed Won", leads["closed_at"].notna()
    n = len(leads)
    count = crm.activities.groupby("lead_id").size().reindex(leads["lead_id"]).fillna(0)
    days = (
        pd.to_datetime(leads["closed_at"], utc=True) - pd.to_datetime(leads["created_at"], utc=True)
    ).dt.days
    talk = pd.Series(rng.normal(size=n))
    notes = pd.Series(rng.choice(["price", "timing", "rival"], n), dtype=object)
    return {
        "remark": notes.where(closed & ~won),
        "days worked": days.where(closed),
        "touches": count.reset_index(drop=True),
        "warmth": (talk + 1.8 * won).round(3),
        "basket": np.exp(talk + 1).where(rng.random(n) < np.where(won, 0.8, 0.1), 0.0).round(2),
        "call_duration": (np.exp(talk + 5 + 1.3 * won)).where(closed | (rng.random(n) < 0.5)),
        "ClosedLostReason__c": notes.where(closed & ~won),
        "phase": leads["stage"],
        "is_sql": (won | (rng.random(n) < 0.4)).astype(str),
        "ticket": pd.Series(np.cumsum(rng.integers(1, 40, n)) + 1000),
    }


def recall(asked: "Asked") -> Iterator[Tally]:
    own = Tally("the simulation's own leaks")
    alone: dict[str, Tally] = {}
    together = Tally("all planted leaks at once")
    for rate, seed in asked.worlds():
        where = f"base rate {rate}, seed {seed}"
        leaky = simulate(asked.leads, seed=seed, base_rate=rate, leaks=True)
        measured = measure(leaky.leads, leaky.activities, leaky.definition)
        own += tell(f"own, {where}", measured, set(leaky.leaking), details=asked.details)
        crm = simulate(asked.leads, seed=seed, base_rate=rate)
        leaks = planted(crm, seed)
        for name, column in leaks.items():
            one = measure(crm.leads.assign(**{name: column}), crm.activities, crm.definition)
            found = tell(f"{name}, {where}", one, {name}, details=asked.details)
            alone[name] = alone.get(name, Tally(f"planted alone: {name}")) + found
        measured = measure(crm.leads.assign(**leaks), crm.activities, crm.definition)
        together += tell(f"at once, {where}", measured, set(leaks), details=asked.details)
    yield from (own, *alone.values(), together)


def leadforge(folder: Path, *, details: bool) -> Iterator[Tally]:
    parts = sorted(folder.glob("tasks/*/*.parquet"))
    leads = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    touches = pd.read_parquet(folder / "tables" / "touches.parquet")
    for what, activities in (("with touches", touches), ("without touches", None)):
        measured = measure(leads, activities, LEADFORGE, as_of="2030-01-01")
        yield tell(f"leadforge {what}", measured, FLAGGED | IDS, details=details)


LEADFORGE = """
[leads]
id = "lead_id"
outcome = "converted_within_90_days"
won = [true]
lost = [false]
created_at = "lead_created_at"
account = "account_id"

[activities]
lead = "lead_id"
at = "touch_timestamp"
kind = "touch_type"
detail = "touch_channel"

[sales_ready]
close_rate = 0.3
horizon_days = 90
snapshot_days = 30
"""


@dataclass(frozen=True)
class Asked:
    """What to simulate, and how much to print."""

    seeds: int
    rates: tuple[float, ...]
    leads: int
    details: bool

    def worlds(self) -> Iterator[tuple[float, int]]:
        """Yield base rate and seed."""
        yield from ((rate, seed) for rate in self.rates for seed in range(self.seeds))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--leadforge", type=Path)
    words = parser.parse_args()
    details, seeds, rates = words.details, words.seeds, RATES
    if words.fast:
        seeds, rates = 1, (0.1, 0.25)
    asked = Asked(seeds, rates, words.leads, details)
    folder = os.environ.get("LEADML_DATASETS")
    tallies = [
        *(public(Path(folder), details=details) if folder else ()),
        *(leadforge(words.leadforge, details=details) if words.leadforge else ()),
        *sound(asked),
        *recall(asked),
    ]
    print(
        f"\nLeakage audit; {asked.leads} leads, base rates {rates}, {seeds} seeds where simulated"
    )
    print(HEADING)
    total = Tally("all")
    for tally in tallies:
        print(tally.line())
        total += tally
    print(total.line())
    if not folder:
        print("(public sets: set LEADML_DATASETS)")


if __name__ == "__main__":
    sys.exit(main())

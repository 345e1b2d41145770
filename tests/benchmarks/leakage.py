"""Precision and recall of the leakage audit, on public and simulated leads.

    LEADML_DATASETS=folder python tests/benchmarks/leakage.py [SEEDS] [--leadforge FOLDER]

prints, for every public data set with nothing ignored, which columns are quarantined and by how
much; for simulated CRMs without a leak (several seeds, base rates, drift, neglect, and with one
really strong sound column) how many sound columns are; and for planted leaks of several kinds,
alone and all at once, how many are found. ``--leadforge`` names a bundle made with the package of
that name, ``leadforge generate --mode research_instructor``: its flagged columns are looked for.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
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


def show(what: str, measured: Measured, leaks: set[str]) -> None:
    found, case = measured.audit, measured.case
    quarantined = set(found.quarantined)
    print(f"\n{what}: {len(case.y)} leads, {case.y.mean():.3f} won, {measured.seconds:.2f} s")
    print(f"  found {sorted(leaks & quarantined)}, missed {sorted(leaks - quarantined)}")
    print(f"  sound columns quarantined {sorted(quarantined - leaks)}", end=", ")
    print(f"suspect {sorted(set(found.suspect))}")
    ranked = sorted(case.attributes, key=lambda i: -case.separations[i].auc)[:3]
    for place in ranked:
        name, it = case.features.features[place].column, case.separations[place]
        print(f"    {name:<28} AUC {it.auc:.3f} (cautious {it.low:.3f}, {it.distance:.2f} sd)")


def public(folder: Path) -> None:
    for name, leaks in PUBLIC.items():
        dataset = find_dataset(name)
        inside = folder / "bpi2012" if name == "bpi2012" else folder
        prepared, _ = prepare_dataset(dataset, inside)
        show(name, measure(prepared.leads, prepared.activities, prepared.definition), leaks)


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


def sound(seeds: int, leads: int) -> None:
    print(f"\nsimulated without leaks, {leads} leads, {seeds} seeds: columns quarantined / suspect")
    for name, (switches, export) in WORLDS.items():
        for rate in RATES:
            counts, best = np.zeros(3, int), []
            for seed in range(seeds):
                crm = simulate(leads, seed=seed, base_rate=rate, **switches)
                measured = measure(export(crm), crm.activities, crm.definition)
                found = measured.audit
                counts += len(found.quarantined), len(found.suspect), len(measured.columns)
                best.append(max(s.auc for s in measured.case.separations))
                for finding in found.findings:
                    if finding.column:
                        print(f"    seed {seed}: {finding.code} {finding.message[:150]}")
            print(
                f"  {name:<30} base rate {rate:.2f}: {counts[0]} / {counts[1]} of {counts[2]} "
                f"(best AUC {np.mean(best):.2f}, {np.max(best):.2f} at most)",
                flush=True,
            )


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


def recall(seeds: int, leads: int) -> None:
    print(
        f"\nplanted leaks, {leads} leads, {seeds} seeds: quarantined (suspect) alone, all at once"
    )
    for rate in RATES:
        alone: dict[str, list[str]] = {}
        together: dict[str, list[str]] = {}
        wrong = 0
        for seed in range(seeds):
            crm = simulate(leads, seed=seed, base_rate=rate)
            leaks = planted(crm, seed)
            for name, column in leaks.items():
                one = crm.leads.assign(**{name: column})
                found = measure(one, crm.activities, crm.definition).audit
                alone.setdefault(name, []).append(state(found, name))
            found = measure(crm.leads.assign(**leaks), crm.activities, crm.definition).audit
            for name in leaks:
                together.setdefault(name, []).append(state(found, name))
            wrong += len(set(found.quarantined) - set(leaks))
        row = [f"{name} {shares(alone[name])} | {shares(together[name])}" for name in alone]
        print(f"  base rate {rate:.2f}, sound ones quarantined {wrong}:\n    " + "\n    ".join(row))


def state(found: Audit, name: str) -> str:
    if name in found.quarantined:
        return found.quarantined[name].code
    return "suspect" if name in found.suspect else "missed"


def shares(states: list[str]) -> str:
    counts = pd.Series(states).value_counts()
    return ", ".join(f"{state} {n}" for state, n in counts.items())


def leadforge(folder: Path) -> None:
    parts = sorted(folder.glob("tasks/*/*.parquet"))
    leads = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    touches = pd.read_parquet(folder / "tables" / "touches.parquet")
    for what, activities in (("with touches", touches), ("without touches", None)):
        measured = measure(leads, activities, LEADFORGE, as_of="2030-01-01")
        show(f"leadforge {what}", measured, FLAGGED)


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


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--leadforge", type=Path)
    words = parser.parse_args()
    if folder := os.environ.get("LEADML_DATASETS"):
        public(Path(folder))
    if words.leadforge:
        leadforge(words.leadforge)
    sound(words.seeds, words.leads)
    recall(words.seeds, words.leads)


if __name__ == "__main__":
    sys.exit(main())

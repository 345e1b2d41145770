"""Timings on this machine: training, scoring one lead and many, and the service.

`make bench` runs it. Nothing here passes or fails: tests never assert on the wall clock.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
import treelite
from treelite import gtil

import leadml
from leadml.data.activity_log import ActivityLog
from leadml.pages.report_page import report_page
from leadml.snapshot.activity_features import activity_features
from leadml.snapshot.activity_numbers import aggregates_of
from leadml.snapshot.aggregates import plan_of, touches_of_leads
from leadml.store.intake import Forgotten, Score
from leadml.store.ledger import Ledger
from leadml.workflows.records import as_table
from leadml.workflows.report import report_values
from leadml.workflows.score import Scorer
from leadml.workflows.scored_event import score_of, telling_of

LEADS = 4000
REPEATS = 200


def show(what: str, value: str) -> None:
    sys.stdout.write(f"{what:<68}{value:>14}\n")
    sys.stdout.flush()


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def median(function: Callable[[], object], repeats: int = REPEATS) -> float:
    function()
    return float(np.median([timed(function) for _ in range(repeats)]))


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "leadml", *words]


def cli(folder: Path, *words: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def make_crm(folder: Path) -> None:
    crm = leadml.simulate(LEADS, seed=0)
    crm.leads.to_csv(folder / "leads.csv", index=False)
    crm.activities.to_csv(folder / "activities.csv", index=False)
    (folder / "leadml.toml").write_text(crm.definition, "utf-8")
    show(f"simulated {LEADS:,} leads, activities", f"{len(crm.activities):,}")


def commands(folder: Path) -> None:
    both = ("leads.csv", "--activities", "activities.csv")
    show("leadml --help", f"{cli(folder, '--help') * 1000:,.0f} ms")
    show(f"leadml train, {LEADS:,} leads", f"{cli(folder, 'train', *both):,.1f} s")
    took = cli(folder, "score", *both, "--output", "scores.csv")
    show(f"leadml score, {LEADS:,} leads", f"{took:,.1f} s")


def scorers(folder: Path) -> None:
    """Score with the champion as it was chosen, and with one of an additive form."""
    scorer(folder)
    trees(folder)
    additive = folder / "additive"
    additive.mkdir()
    for name in ("leads.csv", "activities.csv"):
        shutil.copy(folder / name, additive)
    definition = (folder / "leadml.toml").read_text("utf-8")
    (additive / "leadml.toml").write_text(f'{definition}\n[model]\nform = "additive"\n', "utf-8")
    cli(additive, "train", "leads.csv", "--activities", "activities.csv")
    scorer(additive)


def scorer(folder: Path) -> None:
    """Score leads as they are sent, and beside it the same leads as a table."""
    ready = leadml.load_scorer(config=folder / "leadml.toml")
    leads = pd.read_csv(folder / "leads.csv", nrows=1000).drop(columns=["stage", "closed_at"])
    records = json.loads(leads.to_json(orient="records"))
    touches = [{"timestamp": "2026-01-01T10:00:00Z", "event": "page_view", "url": "/pricing"}] * 20
    form = "additive" if ready.bundle.machine.additive else "full"
    show(f"in Python, {form} champion, features", f"{len(ready.bundle.features.features)}")
    for name, own in (("no activities known", None), ("20 activities", touches)):
        for number in (1, 1000):
            some, told = records[:number], [own] * number
            repeats = REPEATS if number == 1 else 9
            took = median(partial(as_records, ready, some, told), repeats)
            table = median(partial(as_a_table, ready, some, told), repeats)
            what = f"{number:,} {'lead' if number == 1 else 'leads'}, {name}"
            show(what, f"{took * 1000:,.3f} ms; as a table {table / took:,.1f} times that")


def trees(folder: Path) -> None:
    """Ask the champion's trees, where it has any, and treelite the same."""
    ready = leadml.load_scorer(config=folder / "leadml.toml")
    x = np.random.default_rng(0).normal(size=(20_000, len(ready.bundle.features.features)))
    for _, grown in ready.bundle.machine.trees:
        model = treelite.Model.deserialize_bytes(grown.content)

        def asked(rows: np.ndarray, model: Any = model, inputs: Any = grown.inputs) -> object:
            return gtil.predict(model, rows[:, inputs].copy(), nthread=1, pred_margin=True)

        own = median(partial(grown.log_odds, x), 5)
        show(f"{model.num_tree} trees, 20,000 leads", f"{own * 1000:,.0f} ms")
        show("by treelite", f"{median(partial(asked, x), 5) / own:,.1f} times that")
        one = median(partial(grown.explained, x[:1]))
        removed = np.repeat(x[:1], 1 + len(grown.features), axis=0)
        removed[np.arange(1, len(removed)), list(grown.features)] = np.nan
        show("one lead, and without each feature", f"{one * 1000:,.3f} ms")
        show("by treelite", f"{median(partial(asked, removed)) / one:,.1f} times that")


Leads = list[dict[str, object]]
Told = list[list[dict[str, str]] | None]


def as_records(ready: Scorer, leads: Leads, touches: Told) -> None:
    for answer in ready.score_records(leads, touches):
        answer.to_dict()


def as_a_table(ready: Scorer, leads: Leads, touches: Told) -> None:
    now = datetime.now(UTC)
    ready.score_batch(as_table(ready.read_records(leads, touches, None, now, None), ready.reader))


@contextmanager
def service(folder: Path, config: str = "leadml.toml") -> Iterator[str]:
    log = folder / f"{config}.log"
    with log.open("w") as out:
        words = command("serve", "--port", "0", "--config", config)
        process = subprocess.Popen(words, cwd=folder, stderr=out, stdout=out)
    try:
        while not (found := re.search(r"http://[\d.:]+", log.read_text("utf-8"))):
            if process.poll() is not None:
                raise SystemExit(log.read_text("utf-8"))
            time.sleep(0.02)
        yield found[0]
    finally:
        process.terminate()
        process.wait()


def serving(folder: Path) -> None:
    start = time.perf_counter()
    with service(folder) as address:
        show("leadml serve, until it listens", f"{(time.perf_counter() - start) * 1000:,.0f} ms")
        body = json.dumps({"lead": {"lead_id": "1", "lead_source": "Webinar"}, "activities": []})
        request = urllib.request.Request(
            f"{address}/v1/score", body.encode(), {"Content-Type": "application/json"}
        )
        one = median(lambda: urllib.request.urlopen(request).read())
        show("POST /v1/score, one connection each", f"{one * 1000:,.2f} ms")


def recording(folder: Path) -> None:
    """Ask two services in turn, one of which finds no ledger: what recording adds to an answer."""
    definition = (folder / "leadml.toml").read_text("utf-8")
    nowhere = '\n[store]\nurl = "sqlite:///leads.csv"\n'
    (folder / "nowhere.toml").write_text(definition + nowhere, "utf-8")
    with (
        service(folder) as recorded,
        service(folder, "nowhere.toml") as unrecorded,
        httpx2.Client(base_url=recorded) as with_ledger,
        httpx2.Client(base_url=unrecorded) as without,
    ):
        took: dict[bool, list[float]] = {True: [], False: []}
        for number in range(20 * REPEATS):
            lead = {"lead_id": f"B{number // 2}", "lead_source": "Webinar"}
            client = with_ledger if number % 2 else without
            start = time.perf_counter()
            answer = client.post("/v1/score", json={"lead": lead, "activities": []})
            took[answer.json()["recorded"]].append(time.perf_counter() - start)
    for told, seconds in (("recorded", took[True]), ("not recorded", took[False])):
        show(f"POST /v1/score, {told}: p50", f"{np.quantile(seconds, 0.5) * 1000:,.3f} ms")
        show(f"POST /v1/score, {told}: p99", f"{np.quantile(seconds, 0.99) * 1000:,.3f} ms")
    ratio = np.quantile(took[True], 0.5) / np.quantile(took[False], 0.5)
    show("recorded : not recorded, p50", f"{ratio:.3f}")


def reporting(folder: Path) -> None:
    """Draw the report of 200 owners over three years: the numbers first, then the page."""
    crm = leadml.simulate(LEADS, seed=0, days=36 * 30, feedback=True)
    owners = [f"rep {number % 200}" for number in range(len(crm.leads))]
    leads = crm.leads.assign(rep=owners, served=crm.truth["probability"].to_numpy())
    served = crm.definition.replace("[leads]\n", '[leads]\nprobability = "served"\n', 1)
    (folder / "report.toml").write_text(served, "utf-8")
    values: dict[str, Any] = {}
    took = timed(lambda: values.update(report_values(leads, config=folder / "report.toml")))
    shown = f"{len(values['by']['owner']):,} owners, {len(values['by']['month'])} months"
    show(f"numbers of a report, {LEADS:,} leads", f"{took:,.1f} s")
    page = median(lambda: report_page(values), 5)
    show(f"its page, {shown}", f"{page * 1000:,.0f} ms")


def groups(folder: Path) -> None:
    """Write scores to a ledger in transactions of several sizes: processor time, disk left out."""
    scorer = leadml.load_scorer(config=folder / "leadml.toml")
    telling = telling_of(scorer)
    leads = [{"lead_id": f"G{number}", "lead_source": "Webinar"} for number in range(1000)]
    answers = [answer.to_dict() for answer in scorer.score_records(leads)]
    start = time.thread_time()
    made = [telling.event(a, lead, lead) for a, lead in zip(answers, leads, strict=True)]
    spent_each = (time.thread_time() - start) / len(made)
    show("making the journal's entry of a score, processor time", f"{spent_each * 1e6:,.1f} µs")
    entries = [scored.entry for scored in made if scored]
    with Ledger.open(f"sqlite:///{folder / 'groups.db'}") as ledger:
        for size in (1, 20, 100, 1000):
            spent = []
            for turn in range(5):
                start = time.thread_time()
                scores = [renamed(score_of(entry), turn, size) for entry in entries[:size]]
                ledger.take(scores, Forgotten())
                spent.append((time.thread_time() - start) / size)
            what = f"a score from the journal to the ledger, {size:,} at once, processor time"
            show(what, f"{float(np.median(spent)) * 1e6:,.0f} µs")


def renamed(score: Score, turn: int, size: int) -> Score:
    """Return the same score under a key of its own."""
    return score._replace(keys=(f"{score.keys[0]}-{turn}-{size}", score.keys[-1]))


def engines() -> None:
    """Compare SQL and fold on the features of one log, without reading any file."""
    features = activity_features(*log_of(2_000, 20_000))
    plan = plan_of(features)
    aggregates_of(plan, touches_of_leads(plan, *log_of(1, 20)), engine="sql")  # imports DuckDB
    for leads, activities in ((1, 20), (20_000, 200_000), (200_000, 2_000_000)):
        touches = touches_of_leads(plan, *log_of(leads, activities))
        by_fold = timed(lambda t=touches: aggregates_of(plan, t, engine="fold"))
        by_sql = timed(lambda t=touches: aggregates_of(plan, t, engine="sql"))
        what = f"{len(features)} features of {leads:,} leads, {activities:,} activities"
        show(f"{what}: fold", f"{by_fold * 1000:,.1f} ms")
        show(f"{what}: SQL", f"{by_sql * 1000:,.1f} ms")


def log_of(leads: int, activities: int) -> tuple[ActivityLog, np.ndarray]:
    """Draw activities over 200 days before the moment all leads are judged at."""
    random = np.random.default_rng(0)
    day = 86_400_000_000
    log = ActivityLog(
        np.sort(random.integers(0, leads, activities)),
        20_000 * day - random.integers(1, 200 * day, activities),
        random.integers(0, 8, activities).astype(np.int32),
        random.integers(-1, 12, activities).astype(np.int32),
        [f"kind {number}" for number in range(8)],
        [f"/page{number}/part" for number in range(12)],
    )
    return log, np.full(leads, 20_000 * day)


def main() -> None:
    os.environ.pop("LEADML_API_KEYS", None)
    show(f"{platform.machine()}, {os.cpu_count()} cores, Python", platform.python_version())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engines()
        reporting(folder)
        make_crm(folder)
        commands(folder)
        scorers(folder)
        serving(folder)
        recording(folder)
        groups(folder)


if __name__ == "__main__":
    main()

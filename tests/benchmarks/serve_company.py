"""The company whose champions `serve.py` measures: its leads, its training, its requests."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

FORMS = ("logistic", "additive", "full")
LEADS, NUMBERS, WORDS = 1_500, 13, 12
BATCH = 1_000

TOML = """\
[leads]
id = "lead_id"
outcome = "outcome"
won = ["won"]
lost = ["lost"]
created_at = "created_at"
closed_at = "closed_at"
timezone = "UTC"
[sales_ready]
horizon_days = 60
close_rate = 0.4
[points]
threshold = 40
rules = [
  { name = "level", group = "fit", points = 20, column = "c1", in = ["level 1"] },
  { name = "number", group = "value", points = 25, column = "n1", at_least = 0.5 },
]
[store]
url = "sqlite:///leadml.db"
"""

TRAIN = """\
import sys
from leadml.model import selection
selection.SIMPLEST_FIRST = ("base_rate", sys.argv[1])  # no other candidate competes
from leadml.cli.main import main
main(["train", "leads.csv"])
"""


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def company(leads: int = LEADS) -> pd.DataFrame:
    """Simulate leads of 25 features, half of which matter."""
    draw = np.random.default_rng(7)
    numbers = {f"n{i}": draw.normal(size=leads).round(3) for i in range(NUMBERS)}
    words = {
        f"c{i}": draw.choice([f"level {level}" for level in range(3 + i)], leads)
        for i in range(WORDS)
    }
    odds = -1.5 + sum(numbers[f"n{i}"] * (0.7 if i % 2 else -0.7) for i in range(6))
    odds = odds + sum(0.8 * (words[f"c{i}"] == "level 0") for i in range(6))
    won = draw.random(leads) < 1 / (1 + np.exp(-odds))
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 720_000, leads), "min")
    closed = created + pd.to_timedelta(draw.integers(5, 60, leads), "D")
    return pd.DataFrame(
        {
            "lead_id": [f"L{number:08}" for number in range(leads)],
            "created_at": created.strftime("%Y-%m-%dT%H:%MZ"),
            **numbers,
            **words,
            "outcome": np.where(won, "won", "lost"),
            "closed_at": closed.strftime("%Y-%m-%dT%H:%MZ"),
        }
    )


def train(folder: Path) -> None:
    """Train the three champions on the same leads, two at a time."""
    leads = company()
    waiting = [form for form in FORMS if not (folder / form / "models" / "aliases.json").is_file()]
    running: list[tuple[str, subprocess.Popen[str]]] = []
    for form in waiting:
        place = folder / form
        place.mkdir(parents=True, exist_ok=True)
        leads.to_csv(place / "leads.csv", index=False)
        model = "" if form == "full" else '[model]\nform = "additive"\n'
        (place / "leadml.toml").write_text(TOML + model, "utf-8")
        words = [sys.executable, "-c", TRAIN, form]
        if len(running) >= 2:
            finish(*running.pop(0))
        say(f"training a {form} champion")
        running.append((form, start(words, place, core=None)))
    for each in running:
        finish(*each)


def finish(form: str, training: "subprocess.Popen[str]") -> None:
    out, _ = training.communicate()
    if training.returncode:
        msg = f"training {form} failed:\n{out[-2000:]}"
        raise SystemExit(msg)


def chosen(folder: Path) -> str:
    manifest = folder / "models" / "versions" / "1" / "manifest.json"
    return str(json.loads(manifest.read_text("utf-8"))["chosen"])


def start(
    words: Sequence[str], folder: Path, core: int | None, **more: str
) -> "subprocess.Popen[str]":
    """Start a process, on one core where one is named."""
    pin = f"import os,sys; os.sched_setaffinity(0,{{{core}}}); os.execv(sys.argv[1],sys.argv[1:])"
    return subprocess.Popen(
        [*words] if core is None else [sys.executable, "-c", pin, *words],
        cwd=folder,
        stdout=subprocess.PIPE if core is None else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if core is None else (folder / "server.log").open("w"),
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": _path(), **more},
    )


def _path() -> str:
    """Return where commands are looked for, this Python's own first: MLflow starts uvicorn so."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


class Leads:
    """Bodies of requests, each for another lead of its own."""

    def __init__(self, table: pd.DataFrame) -> None:
        asked = table.drop(columns=["outcome", "closed_at"]).to_dict("records")
        self._leads = [orjson.dumps(lead) for lead in asked]
        self.sent = 0

    def lead(self) -> bytes:
        self.sent += 1
        known = self._leads[self.sent % len(self._leads)]
        return b'{"lead_id":"S%08d"%b' % (self.sent, known[known.index(b',"created_at"') :])

    def one(self, number: int) -> bytes:
        return b'{"lead":%b}' % self.lead()

    def batch(self, number: int) -> bytes:
        return b'{"leads":[%b]}' % b",".join(self.one(number) for _ in range(BATCH))

    def row(self, number: int) -> bytes:
        return b'{"dataframe_records":[%b]}' % self.lead()

"""The report on many leads: from an export, and from a ledger that holds the same.

Usage: python tests/benchmarks/report_speed.py [LEADS]

Target: 100,000 leads in a few seconds on two cores. Prints seconds on the wall of each part: the
simulated leads come with what sales made of them, and with made-up probabilities as served.
"""

import argparse
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import leadml
from leadml.workflows.ledger_import import import_export

SIMULATED = 5_000


def export(leads: int) -> tuple[pd.DataFrame, str]:
    """Return simulated leads, repeated under ids and companies of their own, and the agreement."""
    crm = leadml.simulate(min(leads, SIMULATED), seed=1, feedback=True)
    times = -(-leads // len(crm.leads))
    parts = [
        crm.leads.assign(
            lead_id=crm.leads["lead_id"] + f"-{part}", company=crm.leads["company"] + f" {part}"
        )
        for part in range(times)
    ]
    every = pd.concat(parts, ignore_index=True).iloc[:leads]
    random = np.random.default_rng(0)
    true = np.tile(crm.truth["probability"].to_numpy(), times)[:leads]
    odds = np.log(true / (1 - true)) + random.normal(0, 0.4, leads)
    every["served"] = (1 / (1 + np.exp(-odds))).round(6)
    toml = crm.definition.replace("[leads]\n", '[leads]\nprobability = "served"\n', 1)
    return every, toml.replace('ignore = ["lead_score"]', 'points = "lead_score"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("leads", type=int, nargs="?", default=100_000)
    leads = parser.parse_args().leads
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        frame, toml = export(leads)
        frame.to_csv(home / "leads.csv", index=False)
        (home / "leadml.toml").write_text(toml)
        import_export(home / "leads.csv", config=home / "leadml.toml")
        for origin, source in (("export", home / "leads.csv"), ("ledger", None)):
            steps: list[tuple[str, float]] = []
            begun = time.perf_counter()
            result = leadml.report(
                source,
                config=home / "leadml.toml",
                progress=lambda step, _share, to=steps: to.append((step, time.perf_counter())),
            )
            parts = [
                f"{step} {after - before:.1f}" for (step, before), (_, after) in pairwise(steps)
            ]
            print(
                f"{origin}: {leads:,} leads in {time.perf_counter() - begun:.1f} s "
                f"({', '.join(parts)}): {result.to_dict()['verdict_text']}"
            )


if __name__ == "__main__":
    main()

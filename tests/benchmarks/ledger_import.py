"""A million events from a CRM's export into a new SQLite ledger, and the same export once more.

Usage: python tests/benchmarks/ledger_import.py [EVENTS] [--url postgresql://...]

Target: under 60 s for a million on two cores. Prints seconds on the wall, CPU seconds and the
highest memory of the process. Every lead has a hand-off, an acceptance, a follow-up and an end, so
four events; the export has the columns that a CRM of that size has.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadml.settings import settings_from
from leadml.store.ledger import Ledger
from leadml.workflows.ledger_import import import_export
from leadml.workflows.ledger_leads import ledger_leads

MAPPING = {
    "id": "lead_id",
    "outcome": "stage",
    "won": ["Closed Won"],
    "lost": ["Closed Lost"],
    "created_at": "created_at",
    "handed_off_at": "handed_off_at",
    "accepted_at": "accepted_at",
    "followed_up_at": "first_touch_at",
    "closed_at": "closed_at",
    "account": "company",
    "owner": "rep",
    "source": "lead_source",
    "industry": "industry",
    "segment": "segment",
    "account_size": "account_size",
    "amount": "amount",
    "margin": "margin",
}
EVENTS_A_LEAD = 4


def export(leads: int, seed: int = 0) -> pd.DataFrame:
    """Return an export of closed leads, three to a company, over four years to the second."""
    rng = np.random.default_rng(seed)
    created = np.sort(rng.integers(0, 1400 * 86_400, leads)) + 1_600_000_000
    steps = np.cumsum(rng.integers(600, 5 * 86_400, (leads, 4)), axis=1)
    times = [_iso(created), *(_iso(created + steps[:, step]) for step in range(4))]
    names = ("created_at", "handed_off_at", "accepted_at", "first_touch_at", "closed_at")
    won = rng.random(leads) < 0.25
    company = rng.integers(0, max(1, leads // 3), leads)
    return pd.DataFrame(
        {"lead_id": [f"00Q5e00000{number:07d}" for number in range(leads)]}
        | dict(zip(names, times, strict=True))
        | {
            "stage": np.where(won, "Closed Won", "Closed Lost"),
            "company": [f"Company {number} GmbH" for number in company.tolist()],
            "rep": rng.choice(["Adler", "Brandt", "Conti", "Dubois", "Evans"], leads),
            "lead_source": rng.choice(["Web", "Webinar", "Referral", "Trade show"], leads),
            "industry": rng.choice(["Software", "Retail", "Logistics", "Education"], leads),
            "segment": rng.choice(["Small business", "Mid-market", "Enterprise"], leads),
            "account_size": rng.choice(["1-49", "50-249", "250-999", "1000+"], leads),
            "amount": np.where(won, rng.integers(10, 900, leads) * 100.0, np.nan),
            "margin": np.where(won, np.round(rng.normal(0.3, 0.1, leads), 4), np.nan),
        }
    )


def _iso(seconds: "np.ndarray[Any, np.dtype[np.int64]]") -> Any:
    return np.datetime_as_string(seconds.astype("datetime64[s]"), timezone="UTC")


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do work and print how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<42}{wall:8.1f} s {cpu:8.1f} s CPU, memory up to {highest:,.0f} MiB")
    return done


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--url", default="sqlite:///ledger.db")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crm.csv"
        export(options.events // EVENTS_A_LEAD).to_csv(path, index=False)
        content = {"leads": MAPPING, "store": {"url": options.url}}
        settings = settings_from(content, path=Path(folder) / "leadml.toml")
        for what in ("import into a new ledger", "the same export again"):
            done = timed(what, lambda: import_export(path, config=settings))
            print(f"  recorded {done.recorded:,}, unchanged {done.unchanged:,} leads")
        with Ledger.open(settings.store_url) as ledger:
            timed("the leads table of the ledger", lambda: ledger_leads(ledger))


if __name__ == "__main__":
    main()

"""What a service under constant load loses when something goes wrong: one fault at a time.

    python tests/benchmarks/chaos.py [--json] [--write] [--only kill,swap] [--rate 100]

Every fault gets a `leadml serve --workers 2` of its own on 127.0.0.1 and callers who ask for the
score of a new lead a hundred times a second on eight connections, some seconds before the fault,
during it and after it. A score is acknowledged where its answer was 200 with ``"recorded": true``.
Afterwards the ledger is asked: an acknowledged score that it does not hold is lost, one that it
holds twice is doubled. Recovery is the time from the end of the fault until the last answer that
was not 200 and recorded, or took more than a second; 0 where there was none. Ends with exit code 1
where anything was lost or doubled, or the service did not recover: such a table is not written.
About three minutes.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import chaos_faults as faults
from chaos_faults import Fault, NotPossibleError, Stage
from chaos_service import Asked, Company, Load, serving

WORKERS = 2
CALLERS = 8
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN, END = "<!-- make chaos -->", "<!-- end of make chaos -->"


@dataclass(frozen=True)
class Scenario:
    """A fault, and the company to which it happens."""

    name: str
    told: str
    fault: Fault
    company: Callable[[], AbstractContextManager[Company]] = faults.plain
    lasts: float = 1.0


SCENARIOS = (
    Scenario("kill", "`kill -9` of one of two workers", faults.kill),
    Scenario("kill-all", "`kill -9` of both workers at once", faults.kill_all),
    Scenario("swap", "another champion is promoted", faults.swap),
    Scenario("corrupt", "a bundle that was cut off is made champion", faults.corrupt, lasts=4),
    Scenario("restart", "the database (PostgreSQL) restarts", faults.restart,
             faults.on_postgresql, 4),
    Scenario("held", "another program holds the SQLite ledger", faults.held, lasts=8),
    Scenario("disk", "the disk of journal and ledger is full", faults.disk_full,
             faults.on_small_disk, 5),
    Scenario("slow", "clients that send and read slowly", faults.slow_clients, lasts=8),
    Scenario("idle", "10,000 idle connections", faults.idle, lasts=5),
    Scenario("clock", "the clock jumps", faults.clock_jump, faults.with_clock_of_its_own, 6),
)  # fmt: skip


@dataclass
class Tally:
    """What came of one scenario."""

    name: str
    fault: str
    requests: int = 0
    acknowledged: int = 0
    not_recorded: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    recovery_seconds: float | None = None
    longest_seconds: float = 0.0
    note: str = ""
    skipped: str = ""

    @property
    def is_clean(self) -> bool:
        return bool(self.skipped) or not (
            self.lost or self.doubled or self.recovery_seconds is None or not self.acknowledged
        )


def run(scenario: Scenario, *, rate: float, calm: float, share: float) -> Tally:
    """Do a scenario; `share` shortens faults that last."""
    tally = Tally(scenario.name, scenario.told)
    try:
        with scenario.company() as company:
            _under_load(scenario, company, tally, rate=rate, calm=calm, share=share)
    except NotPossibleError as error:
        tally.skipped = str(error)
    return tally


def _under_load(
    scenario: Scenario, company: Company, tally: Tally, *, rate: float, calm: float, share: float
) -> None:
    with serving(company, WORKERS) as service:
        with Load(service.port, rate=rate, callers=CALLERS, name=scenario.name) as load:
            time.sleep(calm)
            began = time.monotonic()
            tally.note = scenario.fault(Stage(company, service, scenario.lasts * share))
            over = time.monotonic()
            _wait_for_recovery(load, over, calm)
        _count(load.asked, began, over, tally)
        taken = [asked.lead for asked in load.asked if asked.is_recorded]
        kept = company.kept(taken)
    tally.lost = sum(kept[lead] == 0 for lead in taken)
    tally.doubled = sum(kept[asked.lead] > 1 for asked in load.asked)


def _wait_for_recovery(load: Load, over: float, calm: float, most: float = 40.0) -> None:
    """Go on until a calm time has passed in which all were answered well."""
    while time.monotonic() < over + most:
        time.sleep(0.2)
        since = time.monotonic() - calm
        latest = [each for each in load.asked if each.at > since]
        enough = 0.7 * load.rate * calm
        if since > over and len(latest) > enough and all(each.is_well for each in latest):
            return


def _count(asked: Sequence[Asked], began: float, over: float, tally: Tally) -> None:
    results = Counter(each.result for each in asked)
    tally.requests = len(asked)
    tally.acknowledged = results.pop("recorded", 0)
    tally.not_recorded = results.pop("not recorded", 0)
    tally.errors = dict(results)
    tally.longest_seconds = max(each.seconds for each in asked)
    bad = max((each.at for each in asked if not each.is_well), default=over)
    well = any(each.is_well and each.at > max(bad, over) for each in asked)
    tally.recovery_seconds = max(0.0, bad - over) if well else None
    if tally.name == "swap":
        new = min((each.at for each in asked if each.version == "2"), default=None)
        shown = "never" if new is None else f"after {new - began:.1f} s"
        tally.note = f"the new champion's first answer came {shown}"


HEADS = ("fault", "requests", "acknowledged", "lost", "doubled", "`recorded: false`", "errors",
         "longest answer", "recovery", "seen")  # fmt: skip


def row(tally: Tally) -> list[str]:
    if tally.skipped:
        return [tally.fault, *["–"] * 8, f"not done: {tally.skipped}"]
    errors = ", ".join(f"{count} × {kind}" for kind, count in sorted(tally.errors.items()))
    recovery = tally.recovery_seconds
    return [
        tally.fault,
        f"{tally.requests:,}",
        f"{tally.acknowledged:,}",
        str(tally.lost),
        str(tally.doubled),
        str(tally.not_recorded),
        errors or "none",
        f"{tally.longest_seconds:.2f} s",
        "never" if recovery is None else f"{recovery:.1f} s" if recovery >= 0.05 else "at once",
        tally.note,
    ]


def markdown(tallies: Sequence[Tally]) -> str:
    lines = [HEADS, ["---"] * len(HEADS), *map(row, tallies)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(tallies: Sequence[Tally], page: Path = PAGE) -> None:
    """Put the table between its marks in the docs, where nothing went wrong."""
    unclean = [tally.fault for tally in tallies if not tally.is_clean]
    if unclean:
        sys.stdout.write(markdown(tallies))
        msg = f"{page} is left as it was: lost, doubled or not recovered: {'; '.join(unclean)}"
        raise SystemExit(msg)
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        msg = f"{page} lacks the marks {BEGIN} and {END}"
        raise SystemExit(msg)
    page.write_text(f"{before}{BEGIN}\n\n{markdown(tallies)}\n{END}{after}", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    parser.add_argument("--only", default="", help="names of scenarios, separated by commas")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--calm", type=float, default=3.0, help="seconds before and after")
    parser.add_argument("--share", type=float, default=1.0, help="of a lasting fault's time")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [each.name for each in SCENARIOS]
    tallies = []
    for scenario in SCENARIOS:
        if scenario.name in names:
            sys.stderr.write(f"{scenario.told} ...\n")
            tallies.append(run(scenario, rate=given.rate, calm=given.calm, share=given.share))
            sys.stderr.write(f"  {' | '.join(row(tallies[-1])[1:])}\n")
    if given.write:
        write(tallies)
    shown = json.dumps([asdict(t) for t in tallies], indent=1) if given.json else markdown(tallies)
    sys.stdout.write(shown)
    sys.exit(0 if all(tally.is_clean for tally in tallies) else 1)


if __name__ == "__main__":
    main()

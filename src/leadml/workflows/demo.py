"""The whole product on a simulated CRM: train, evaluate, score, keep a ledger, report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from leadml.data.simulate import simulate
from leadml.data.writing import write_csv, write_text
from leadml.errors import ConfigError
from leadml.settings import CONFIG_NAME
from leadml.workflows.demo_ledger import fill_ledger, remove_ledger
from leadml.workflows.evaluate import Evaluation, evaluate
from leadml.workflows.ledger_import import Imported
from leadml.workflows.report import Report, report
from leadml.workflows.score_file import Scoring, score
from leadml.workflows.train import Training, train

LEADS = 8000
START = date(2024, 1, 1)
DAYS = 720
DAYS_OF_PAST = 460
"""Days after which the first export is made, to train on; the newer leads come after it."""
BASE_RATE = 0.24

FILES = (
    "leads.csv", "activities.csv", "newer.csv", "newer_activities.csv", "leadml.db", CONFIG_NAME,
)  # fmt: skip
MARK = "# This is the demo of leadml: `leadml demo` writes over this file.\n"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """What the demo came to.

    Attributes
    ----------
    folder, config : Path
        Where everything was written, and the leadml.toml in it.
    training : Training
        Of the past leads.
    evaluation : Evaluation
        Of model and points on the newer leads.
    scoring : Scoring
        Of the newer leads.
    imported : Imported
        What of the newer leads' export went into the ledger, beside their scores.
    report : Report
        Of the newer leads' hand-offs, from the ledger.
    """

    folder: Path
    config: Path
    training: Training
    evaluation: Evaluation
    scoring: Scoring
    imported: Imported
    report: Report

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON-ready values."""
        return {
            "folder": str(self.folder),
            "config": str(self.config),
            "pages": {"evaluation": str(self.evaluation.page), "report": str(self.report.page)},
            "scores": str(self.scoring.output),
            "train": self.training.to_dict(),
            "evaluate": self.evaluation.to_dict(),
            "score": self.scoring.to_dict(),
            "import": self.imported.to_dict(),
            "report": self.report.to_dict(),
        }


def files_there(folder: Path | str) -> list[str]:
    """Return the demo's own files that a run would write over.

    Raises
    ------
    ConfigError
        If the folder holds such files, but not the demo's.
    """
    folder = Path(folder)
    there = [name for name in FILES if (folder / name).exists()]
    if there and not _is_ours(folder / CONFIG_NAME):
        msg = (
            f"{folder} holds a {there[0]} that is not the demo's: name an empty or new folder "
            "with --output"
        )
        raise ConfigError(msg)
    return there


def demo(
    output: Path | str = "leadml-demo",
    *,
    seed: int = 0,
    progress: Progress = lambda _step, _share: None,
) -> DemoRun:
    """Simulate a CRM into a folder, then train, evaluate, score, keep a ledger and report on it.

    The past leads are exported as they were on one day; the newer ones came in after it. Their
    scores and what became of them go into a ledger, from which the report is made. Files of an
    earlier demo are written over, its versions stay in the registry.

    Parameters
    ----------
    output : Path
        Folder for exports, agreement, models, pages and scores.
    seed : int
        Which CRM, >= 0.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If the folder holds files of that name which are not the demo's, or cannot be written to.
    """
    folder = Path(output)
    files_there(folder)
    progress("simulating a CRM", 0.0)
    remove_ledger(folder)
    _write_exports(folder, seed)
    config, newer = folder / CONFIG_NAME, folder / "newer.csv"
    newer_activities = folder / "newer_activities.csv"
    training = train(
        folder / "leads.csv",
        activities=folder / "activities.csv",
        config=config,
        seed=seed,
        progress=_part(progress, 0.05, 0.65),
    )
    evaluation = evaluate(
        newer,
        activities=newer_activities,
        config=config,
        model=training.version,
        output=folder / "evaluation",
        seed=seed,
        progress=_part(progress, 0.65, 0.85),
    )
    scoring = score(
        newer,
        folder / "scores.csv",
        activities=newer_activities,
        config=config,
        model=training.version,
        progress=_part(progress, 0.85, 0.92),
    )
    imported = fill_ledger(
        newer, scoring.output, config=config, progress=_part(progress, 0.92, 0.96)
    )
    reported = report(config=config, output=folder / "report", progress=_part(progress, 0.96, 1.0))
    return DemoRun(
        folder=folder,
        config=config,
        training=training,
        evaluation=evaluation,
        scoring=scoring,
        imported=imported,
        report=reported,
    )


def _is_ours(config: Path) -> bool:
    try:
        return config.read_text("utf-8").startswith(MARK)
    except (OSError, UnicodeDecodeError):
        return False


def _write_exports(folder: Path, seed: int) -> None:
    crm = simulate(LEADS, seed=seed, start=START, days=DAYS, base_rate=BASE_RATE, feedback=True)
    past = crm.as_of(datetime.combine(START, time(), UTC) + timedelta(days=DAYS_OF_PAST))
    newer = crm.leads.iloc[len(past.leads) :]
    write_text(folder / CONFIG_NAME, MARK + crm.definition)
    write_csv(folder / "leads.csv", past.leads)
    write_csv(folder / "activities.csv", past.activities)
    write_csv(folder / "newer.csv", newer)
    of_newer = crm.activities["lead_id"].isin(newer["lead_id"])
    write_csv(folder / "newer_activities.csv", crm.activities[of_newer])


def _part(progress: Progress, start: float, stop: float) -> Progress:
    return lambda step, share: progress(step, start + (stop - start) * share)

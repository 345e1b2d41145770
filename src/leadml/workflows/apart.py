"""Work that needs pandas, plots or MLflow, done in a process of its own.

The service loads none of these: it starts this module as a child, sends the task as JSON and reads
one JSON object back. A child that hangs is ended; one that fails takes nothing with it.
"""

import json
import os
import re
import signal
import subprocess  # each call is looked at  # nosec B404
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from math import ceil
from pathlib import Path
from typing import Any

from markupsafe import Markup

from leadml.errors import ApartError, LeadmlError

EVALUATION = Path("evaluation") / "evaluation.json"
"""Where `leadml evaluate` writes beside the configuration, unless told otherwise."""
_KEPT_BACK = re.compile(r"LEADML_\w*(KEYS|SECRET|PASSWORD|TOKEN)\w*")
_BEHIND = 5
"""By how much a child gives way to the service (`nice`)."""
_GRACE = 5
"""Seconds after its time at which a child that was not ended ends itself."""


def apart(task: str, config: Path, *, seconds: float, **arguments: Any) -> dict[str, Any]:
    """Do a task in a process of its own, and wait for it.

    Parameters
    ----------
    task : {"report", "evaluation", "promote"}
    config : Path
        The configuration file.
    seconds : float
        How long it may take.
    arguments
        Of the task, JSON-ready.

    Raises
    ------
    ApartError
        If the task is refused, fails or takes too long.
    """
    asked = json.dumps({"task": task, "config": str(config), "seconds": seconds, **arguments})
    command = [sys.executable, "-P", "-m", "leadml.workflows.apart"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, given JSON on its standard input  # nosec B603
            command,
            input=asked,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds,
            env=child_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"this took longer than {seconds:g} seconds and was given up"
        raise ApartError(msg) from None
    return _answer(task, done)


def child_environment() -> dict[str, str]:
    """Return what the child gets to know of ours: no key, no secret, and to use one core."""
    kept = {name: value for name, value in os.environ.items() if not _KEPT_BACK.fullmatch(name)}
    return kept | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


def _answer(task: str, done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Read what the child said; a crash is told by its kind, for its message may quote a lead."""
    if done.returncode:
        kind = (done.stderr.strip().splitlines() or ["no word"])[-1].partition(":")[0]
        msg = f"making the {task} failed ({kind}, exit code {done.returncode})"
        raise ApartError(msg)
    said: dict[str, Any] = json.loads(done.stdout)
    if "problem" in said:
        raise ApartError(said["problem"])
    answer: dict[str, Any] = said["answer"]
    return answer


def _report(config: Path, navigation: str) -> dict[str, Any]:
    """Return the values of the ledger's report, and its page with `navigation` above it."""
    from leadml.pages.report_page import report_page
    from leadml.workflows.report import report_values

    values = report_values(config=config)
    return {"values": values, "page": report_page(values, Markup(navigation))}  # noqa: S704  # nosec B704


def _evaluation(config: Path, navigation: str) -> dict[str, Any]:
    """Return the values and the page of the evaluation beside the configuration."""
    values = json.loads((config.parent / EVALUATION).read_bytes())
    from leadml.pages.evaluation_page import evaluation_page

    return {"values": values, "page": evaluation_page(values, Markup(navigation))}  # noqa: S704  # nosec B704


def _promote(config: Path, version: str) -> dict[str, Any]:
    from leadml.workflows.models import promote

    return promote(version, config=config).to_dict()


_TASKS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "report": _report,
    "evaluation": _evaluation,
    "promote": _promote,
}


def _behave(seconds: float) -> None:
    """Give way to the service, and end in time even where the service is gone."""
    os.nice(_BEHIND)
    signal.alarm(ceil(seconds) + _GRACE)


def main() -> None:
    """Read one task from standard input, do it, and write its answer to standard output."""
    asked = json.load(sys.stdin)
    _behave(asked.pop("seconds"))
    task, config = _TASKS[asked.pop("task")], Path(asked.pop("config"))
    said: dict[str, Any]
    try:
        with redirect_stdout(sys.stderr):
            said = {"answer": task(config, **asked)}
    except LeadmlError as error:
        said = {"problem": str(error)}
    json.dump(said, sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main()

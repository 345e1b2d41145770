"""`leadml drift`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import (
    activities_option,
    as_of_option,
    config_option,
    history_option,
    json_option,
    model_option,
    table_option,
)
from leadml.cli.output import emit, progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from leadml.workflows.drift import Drift

MOST_SHOWN = 10


@click.command("drift")
@click.argument("new", metavar="NEW", type=str)
@activities_option
@history_option
@model_option
@config_option
@table_option
@as_of_option
@json_option
def command(
    new: str,
    activities: str | None,
    history: str | None,
    model: str,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Tell whether new leads have moved away from those the model learnt from, and what to do.

    NEW is an export of newer leads, with outcomes or without. Compares features, scores and, where
    outcomes are known, whether the probabilities still hold. Says which finding asks to
    recalibrate, to retrain or to look at the source.

    \b
    Examples:
      leadml drift newer.csv --activities activities.csv
      leadml drift newer.csv --model 3 --json
    """
    from leadml.workflows.drift import drift

    with progress("drift") as told:
        found = drift(
            new,
            activities=activities,
            history=history,
            config=config,
            model=model,
            as_of=as_of,
            table=table,
            progress=told,
        )
    emit(found.to_dict(), as_json, lambda out: _show(found, out))


def _show(found: "Drift", out: "Console") -> None:
    asks = found.asks_for
    said = "No finding asks for anything." if asks == "nothing" else f"What to do: {asks}."
    out.print(said, style="bold", markup=False)
    values = found.to_dict()
    for finding in values["findings"]:
        line = f"{finding['message']} [{finding['code']}, asks for: {finding['asks_for']}]"
        out.print(f"{finding['severity']}: {line}", markup=False)
    out.print(_features(found))
    out.print(
        f"Scores of {found.leads} leads: PSI {found.scores.psi:.3f}, by chance "
        f"{found.scores.expected:.3f} (p = {found.scores_p:.3f})."
    )
    if found.calibration is not None:
        level = found.calibration
        out.print(
            f"Closed {level.observed:.1%} of {level.leads} leads, expected {level.expected:.1%}: "
            f"difference {100 * level.low:+.1f} to {100 * level.high:+.1f} points."
        )
    for rows in found.excluded_rows:
        out.print(f"left out: {rows.count} leads, {rows.reason} [{rows.code}]", markup=False)


def _features(found: "Drift") -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = f"The features that moved most (of {len(found.features)})"
    table = Table("feature", "PSI", "by chance", "p", "missing", "then", "asks for", title=title)
    rows = sorted(found.features, key=lambda row: row.moved.excess, reverse=True)
    for row in rows[:MOST_SHOWN]:
        then, now = row.counted.shares(row.counted.missing)
        moved = row.moved
        table.add_row(
            Text(row.counted.feature),
            f"{moved.psi:.3f}",
            f"{moved.expected:.3f}",
            "–" if row.p is None else f"{row.p:.3f}",
            f"{now:.1%}",
            f"{then:.1%}",
            row.asks_for,
        )
    return table

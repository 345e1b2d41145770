"""`leadml score`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import (
    activities_option,
    as_of_option,
    config_option,
    history_option,
    json_option,
    leads_argument,
    model_option,
    table_option,
)
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.score_file import Scoring


@click.command("score")
@leads_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="OUT.csv|.parquet",
    help="File to write, one row a lead in the export's order.",
)
@activities_option
@history_option
@model_option
@config_option
@as_of_option
@table_option
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be scored.")
@json_option
def command(
    leads: str,
    output: Path,
    activities: str | None,
    history: str | None,
    model: str,
    config: Path | None,
    as_of: str | None,
    table: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Score every lead of LEADS with a trained version.

    A lead is judged as of its hand-off where that is known and has passed, else as of now, or as
    of --as-of. Rows that cannot be scored keep their place, with the reason in a column `error`.

    \b
    Examples:
      leadml score leads.csv --output scores.csv
      leadml score leads.csv --activities activities.csv --output scores.parquet
      leadml score leads.csv --output scores.csv --model 3 --as-of 2026-06-30 --strict
    """
    from leadml.workflows.score_file import score

    with progress("scoring") as report:
        scoring = score(
            leads,
            output,
            activities=activities,
            history=history,
            model=model,
            config=config,
            table=table,
            as_of=as_of,
            strict=strict,
            progress=report,
        )
    for warning in scoring.warnings:
        say(f"warning: {warning}")
    emit(scoring.to_dict(), as_json, lambda out: _show(scoring, out))


def _show(scoring: "Scoring", out: "Console") -> None:
    from rich.table import Table

    table = Table("band", "probability from", "leads", title=f"Version {scoring.model_version}")
    for band, leads in scoring.bands.items():
        table.add_row(band, f"{scoring.cuts.get(band, 0.0):.3f}", str(leads))
    out.print(table)
    cut = "" if scoring.threshold is None else f" from probability {scoring.threshold:.3f}"
    out.print(
        f"Sales-ready{cut} ({scoring.basis}): {scoring.sales_ready} of {scoring.leads} leads."
    )
    if scoring.explored:
        out.print(
            f"Explored: {scoring.explored} leads below the cut are handed off at random to learn "
            "from; each must be followed up."
        )
    out.print(_stage_words(scoring))
    if scoring.errors:
        out.print(f"Could not be scored: {scoring.errors} leads, see the column `error`.")
    out.print(f"Wrote {scoring.output}", markup=False)


def _stage_words(scoring: "Scoring") -> str:
    if scoring.eventually_days is None:
        return "Nurture: this version tells nothing of wins after the horizon; train again."
    return (
        f"Nurture: {scoring.stages['nurture']} leads reach the cut only within "
        f"{scoring.eventually_days:g} days; not qualified: {scoring.stages['not_qualified']}."
    )

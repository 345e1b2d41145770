"""`leadml points`."""

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
    table_option,
)
from leadml.cli.output import emit, say
from leadml.cli.points_check import check
from leadml.cli.points_fit import fit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.points import PointsRun


@click.group("points")
def command() -> None:
    """Work with the points table of leadml.toml: use it, check it, improve it.

    \b
    Examples:
      leadml points check leads.csv --activities activities.csv
      leadml points fit leads.csv --activities activities.csv -o new.toml
      leadml points score leads.csv --activities activities.csv --output points.csv
    """


command.add_command(check)
command.add_command(fit)


@command.command("score")
@leads_argument
@click.option("--output", required=True, metavar="OUT.csv", help="CSV file to write.")
@activities_option
@history_option
@config_option
@table_option
@as_of_option
@json_option
def score(
    leads: str,
    output: str,
    activities: str | None,
    history: str | None,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Give every lead its points, and the rules that made them.

    Columns written: lead_id, points, points_ready, bucket, grade, rules (JSON), and error where a
    row has one.

    \b
    Examples:
      leadml points score leads.csv --output points.csv
      leadml points score leads.csv --activities activities.csv --output points.csv --json
      leadml points score leads.csv --as-of 2026-03-01 --output points.csv
    """
    from leadml.workflows.points import score_points

    run = score_points(
        leads,
        output=output,
        activities=activities,
        history=history,
        config=config,
        table=table,
        as_of=as_of,
    )
    for finding in run.findings:
        if finding.severity != "info":
            say(f"{finding.severity}: {finding.message} ({finding.count})")
    emit(run.to_dict(), as_json, lambda console: _show(run, console))


def _show(run: "PointsRun", console: "Console") -> None:
    console.print(
        f"{run.leads} leads, {run.ready} with {run.threshold:g} points or more"
        + (f", {run.failed} that could not be scored" if run.failed else "")
    )
    for what, counts in (("bucket", run.buckets), ("grade", run.grades)):
        if counts:
            console.print(f"{what}: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    console.print(f"written to {run.output}")

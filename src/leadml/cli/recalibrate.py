"""`leadml recalibrate`."""

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
from leadml.cli.output import emit, progress
from leadml.cli.train import show_handoff

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.recalibrate import Recalibration


@click.command("recalibrate")
@leads_argument
@activities_option
@history_option
@model_option
@config_option
@table_option
@as_of_option
@json_option
def command(
    leads: str,
    activities: str | None,
    history: str | None,
    model: str,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Refresh level and slope of a version from newer outcomes, without retraining.

    LEADS is an export with matured outcomes that the version has not learnt from. A line fitted on
    the older half of them must beat the present one on the newer half, or the level of all of them
    be off beyond doubt; else the present one stands and nothing is registered.

    \b
    Examples:
      leadml recalibrate newer.csv --activities activities.csv
      leadml recalibrate newer.csv --model challenger --json
    """
    from leadml.workflows.recalibrate import recalibrate

    with progress("recalibrate") as told:
        found = recalibrate(
            leads,
            activities=activities,
            history=history,
            config=config,
            model=model,
            as_of=as_of,
            table=table,
            progress=told,
        )
    emit(found.to_dict(), as_json, lambda out: _show(found, out))


def _show(found: "Recalibration", out: "Console") -> None:
    refreshed = found.refresh
    for rows in found.excluded_rows:
        out.print(f"left out: {rows.count} leads, {rows.reason} [{rows.code}]", markup=False)
    out.print(
        f"{found.leads} new leads, {found.won} sales-ready: level {refreshed.observed_shift:+.2f} "
        f"log-odds (error {refreshed.error:.2f}), taken as {refreshed.shift:+.2f}; slope "
        f"{refreshed.line.slope:.2f}."
    )
    if refreshed.level_only:
        out.print("The slope came out at or below 0: it stays, only the level is refreshed.")
    if found.version is None:
        out.print(f"Nothing registered: {found.why}.", style="bold", markup=False)
        return
    out.print(f"Version {found.version} is {found.alias}: {found.why}.", style="bold", markup=False)
    if found.threshold is not None:
        show_handoff(found.threshold, out)
    out.print(f"Bundle: {found.bundle}", markup=False)

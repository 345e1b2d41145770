"""`leadml check`."""

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
from leadml.cli.output import emit, progress

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.check import CheckResult

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.command("check")
@leads_argument
@activities_option
@history_option
@table_option
@config_option
@as_of_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    leads: str,
    activities: str | None,
    history: str | None,
    table: str | None,
    config: Path | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Look an export over and list what is wrong with it.

    LEADS is a CSV or Parquet file (delimiter, encoding and gzip are detected) or a SQL URL with
    --table. Nothing is changed. Findings of severity error end with exit code 1, warnings do not.

    \b
    Examples:
      leadml check leads.csv
      leadml check leads.csv --activities activities.csv.gz --as-of 2026-01-31
      leadml check sqlite:///crm.db --table leads --json
    """
    from leadml.workflows.check import check

    with progress("check") as report:
        result = check(
            leads,
            activities=activities,
            history=history,
            table=table,
            config=config,
            as_of=as_of,
            progress=report,
        )
    emit(result.to_dict(), as_json, lambda console: _show(console, result))
    if result.errors:
        ctx.exit(1)


def _show(console: "Console", result: "CheckResult") -> None:
    from rich.markup import escape
    from rich.table import Table

    size = f"{result.rows:,} leads, {result.columns:,} columns"
    if result.activities is not None:
        size += f", {result.activities:,} usable activities"
    if result.changes is not None:
        size += f", {result.changes:,} usable changes of attributes"
    console.print(f"{escape(result.source)}: {size}")
    if not result.findings:
        console.print("Nothing found: the export is ready.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("severity", "code", "column"):
        table.add_column(heading, no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("what was found", overflow="fold")
    for finding in result.findings:
        colour = _COLOURS[finding.severity]
        found = escape(finding.message)
        if finding.examples:
            found += f" [dim]({escape('; '.join(finding.examples))})[/dim]"
        table.add_row(
            f"[{colour}]{finding.severity}[/{colour}]",
            finding.code,
            escape(finding.column or ""),
            f"{finding.count:,}",
            found,
        )
    console.print(table)
    console.print(_verdict(result))


def _verdict(result: "CheckResult") -> str:
    if not result.errors:
        return "No errors: the export can be used as it is."
    what = "1 error" if result.errors == 1 else f"{result.errors} errors"
    return f"{what}: correct the export, then check again."

"""`leadml report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.options import (
    as_of_option,
    config_option,
    json_option,
    leads_argument,
    table_option,
)
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from leadml.workflows.report import Report


@click.command("report")
@leads_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for report.json and report.html.  [default: report/ beside the configuration]",
)
@config_option
@table_option
@as_of_option
@json_option
def command(
    leads: str,
    output: Path | None,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Hold handed-off leads against the agreed close rate.

    LEADS is an export with hand-off times and outcomes. Only leads whose horizon has passed since
    the hand-off count. Writes report.json, which --json prints, and report.html. The bounds are
    valid for one look at the data.

    \b
    Examples:
      leadml report leads.csv
      leadml report leads.csv --output report --as-of 2026-03-01
      leadml report postgresql://crm --table leads --json
    """
    from leadml.workflows.report import report

    with progress("report") as told:
        result = report(
            leads, config=config, output=output, as_of=as_of, table=table, progress=told
        )
    for note in result.values["notes"]:
        if note["severity"] == "warning":
            say(f"warning: {note['message']} ({note['count']})")
    emit(result.to_dict(), as_json, lambda console: _show(console, result))


def _show(console: "Console", result: "Report") -> None:
    from leadml.pages.summary import report_headline

    values = result.values
    headline = report_headline(values)
    console.print(headline.text, style="bold", markup=False)
    for sentence in headline.support:
        console.print(sentence, markup=False)
    if not values["margin_checked"]:
        console.print("Margin not checked: every win counts as solid.")
    for key, rows in values["by"].items():
        if rows:
            console.print(_slices(key, rows))
    for row in values["excluded_rows"]:
        console.print(f"left out: {row['count']} × {row['reason']} ({row['code']})", markup=False)
    console.print("These bounds are valid for one look at the data.")
    console.print(f"page: {result.page}", markup=False)


def _slices(key: str, rows: list[dict[str, Any]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    from leadml.pages.html import count

    table = Table(title=f"by {key}", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("handed off", "matured", "followed up", "won", "close rate", "of all"):
        table.add_column(name, justify="right")
    for row in rows:
        rates = [_rate(row["close_rate"][name]) for name in ("followed_up", "handed_off")]
        counts = [count(row[name]) for name in ("handed_off", "matured", "followed_up", "won")]
        table.add_row(Text(str(row[key] or "not recorded")), *counts, *rates)
    return table


def _rate(rate: dict[str, Any]) -> str:
    from leadml.pages.html import percent

    return "–" if rate["value"] is None else percent(rate["value"])

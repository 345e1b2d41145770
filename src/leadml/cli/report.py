"""`leadml report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.options import as_of_option, config_option, json_option, table_option
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.report import Report


@click.command("report")
@click.argument("leads", metavar="[LEADS]", type=str, required=False)
@click.option(
    "--since",
    metavar="DATE",
    help="Describe only hand-offs from this date on (00:00 in the configured zone, or a time); no "
    "verdict.",
)
@click.option(
    "--until",
    metavar="DATE",
    help="Describe only hand-offs up to this date, which is not included; no verdict.",
)
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
    leads: str | None,
    since: str | None,
    until: str | None,
    output: Path | None,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Hold handed-off leads against the agreed close rate.

    LEADS is an export with hand-off times and outcomes; without it the report is of the ledger
    ([store] url). A hand-off counts once its horizon has passed, however early it closed. The
    verdict may be looked at as often as one likes. Writes report.json, which --json prints, and
    report.html.

    \b
    Examples:
      leadml report
      leadml report --since 2026-01-01 --until 2026-04-01
      leadml report leads.csv --output report --as-of 2026-03-01
      leadml report postgresql://crm --table leads --json
    """
    from leadml.workflows.report import report

    with progress("report") as told:
        result = report(
            leads,
            config=config,
            output=output,
            as_of=as_of,
            since=since,
            until=until,
            table=table,
            progress=told,
        )
    for note in result.values["notes"]:
        if note["severity"] == "warning":
            say(f"warning: {note['message']} ({note['count']})")
    emit(result.to_dict(), as_json, lambda console: _show(console, result))


def _show(console: "Console", result: "Report") -> None:
    from leadml.cli.report_tables import tables

    values = result.values
    console.print(values["verdict_text"], style="bold", markup=False)
    for sentence in values["headline"]:
        console.print(sentence, markup=False)
    for table in tables(values):
        console.print()
        console.print(table)
    console.print()
    for sentence in (values["slices_told"], *_work(values["funnel"]), *_advice(values)):
        console.print(sentence, markup=False)
    for row in values["excluded_rows"]:
        console.print(f"left out: {row['count']} × {row['reason']} ({row['code']})", markup=False)
    for sentence in values["uncertain"]:
        console.print(f"uncertain: {sentence}", markup=False)
    console.print(f"page: {result.page}", markup=False)


def _work(funnel: "dict[str, Any]") -> list[str]:
    """Return in sentences how many hand-offs were neglected and how soon the others were worked."""
    from leadml.pages.html import count, percent

    never, waited = funnel["neglected"], funnel["time_to_first_follow_up"]
    told = []
    if never["share"] is not None:
        told.append(
            f"Never followed up: {count(never['leads'])} of {count(never['of'])} hand-offs whose "
            f"follow-up was due ({percent(never['share'])})."
        )
    if waited is not None and waited["median_hours"] is not None:
        told.append(
            f"Half of all hand-offs were followed up within {waited['median_hours']:.1f} h."
        )
    return told


def _advice(values: "dict[str, Any]") -> list[str]:
    """Return what marketing is told, and the recommendation, in sentences."""
    rejections, found = values["rejections"], values["recommendation"]
    told = [*rejections["to_marketing"]]
    if found:
        return [*told, f"Recommendation ({found['basis']}): {found['text']}"]
    return [*told, f"No cut is recommended: {values['recommendation_why_null']}."]

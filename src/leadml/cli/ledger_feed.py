"""`leadml ledger import` and `leadml ledger export`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import config_option, json_option, table_option
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.ledger_import import Imported


@click.command("import")
@click.argument("export", metavar="EXPORT", type=str)
@click.option("--dry-run", is_flag=True, help="Only tell what would be recorded.")
@config_option
@table_option
@json_option
def import_command(
    export: str, dry_run: bool, config: Path | None, table: str | None, as_json: bool
) -> None:
    """Record what is new in a CRM's export.

    EXPORT is a CSV or Parquet file or a SQL URL with --table, read by the mapping of leadml.toml:
    hand-offs, acceptances, rejections, follow-ups and outcomes become events. The same export
    twice adds nothing; a later one adds what has changed. Or it is a file of events (.jsonl), as
    `leadml ledger export --events` writes them.

    \b
    Examples:
      leadml ledger import leads.csv
      leadml ledger import leads.csv --dry-run --json
      leadml ledger import postgresql://crm --table leads
      leadml ledger import events.jsonl
    """
    from leadml.data.event_lines import is_event_file
    from leadml.workflows.ledger_events import import_events
    from leadml.workflows.ledger_import import import_export

    with progress("import") as told:
        if is_event_file(export):
            if table is not None:
                msg = "--table names a table of a database, but EXPORT is a file: leave it out"
                raise click.UsageError(msg)
            done = import_events(Path(export), config=config, dry_run=dry_run, progress=told)
        else:
            done = import_export(export, config=config, table=table, dry_run=dry_run, progress=told)
    for note in done.notes:
        if note["severity"] != "info":
            say(f"warning: {note['message']} ({note['count']})")
    emit(done.to_dict(), as_json, lambda out: _show(done, out))


def _show(done: "Imported", out: "Console") -> None:
    from rich.table import Table

    verb = "would be recorded" if done.dry_run else "recorded"
    out.print(
        f"{_some(done.rows, 'row')} read: {_some(done.recorded, 'event')} and "
        f"{_some(done.corrected, 'correction')} {verb} in {done.database}",
        markup=False,
    )
    if done.recorded or done.corrected:
        table = Table(box=None, pad_edge=False)
        table.add_column("event")
        table.add_column(verb, justify="right")
        for kind, number in done.by_event.items():
            if number:
                table.add_row(kind, f"{number:,}")
        out.print(table)
    out.print(
        f"new in {_some(done.changed, 'row')}, nothing new in {done.unchanged:,}"
        + (
            f", of {_some(done.not_begun, 'lead')} nothing has happened yet"
            if done.not_begun
            else ""
        ),
        markup=False,
    )
    _show_refused(done, out)


def _show_refused(done: "Imported", out: "Console") -> None:
    if done.other_reasons:
        named = [f"{text} ({count:,})" for text, count in list(done.other_reasons.items())[:5]]
        total = sum(done.other_reasons.values())
        out.print(
            f"{_some(total, 'rejection')} for reasons on no list, kept as other with their text: "
            f"{', '.join(named)}; [rejections] reasons names the list",
            markup=False,
        )
    if not done.refused:
        return
    codes = ", ".join(f"{code} {count:,}" for code, count in done.refused_by_code.items())
    out.print(f"{_some(done.refused, 'row')} could not be used in full ({codes}):", markup=False)
    for refusal in done.refusals:
        out.print(f"  {refusal.place}: {refusal.problem} ({refusal.code})", markup=False)
    if done.refused > len(done.refusals):
        out.print(f"  and {done.refused - len(done.refusals):,} more", markup=False)


def _some(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


@click.command("export")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="File to write: .parquet, else CSV; with --events JSON lines.  [default: stdout]",
)
@click.option("--events", is_flag=True, help="Write every event instead of one row a lead.")
@click.option(
    "--since",
    metavar="DATE",
    default=None,
    help="Only leads handed off, or events that happened, from this ISO date on.",
)
@click.option("--until", metavar="DATE", default=None, help="Only those before this ISO date.")
@config_option
@json_option
def export_command(
    output: Path | None,
    events: bool,
    since: str | None,
    until: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write the ledger as a table of leads, or as its events.

    The table has one row a lead: who it is, what became of it and when, its last score before the
    hand-off. The events are the whole ledger: imported into an empty one they make the same leads.

    \b
    Examples:
      leadml ledger export --output leads.csv
      leadml ledger export --events --output events.jsonl
      leadml ledger export --since 2026-01-01 --until 2026-04-01 --output quarter.parquet
    """
    from leadml.workflows.ledger_export import export_ledger, print_ledger

    if output is None:
        if as_json:
            msg = "--json tells about the file written: name one with --output"
            raise click.UsageError(msg)
        print_ledger(sys.stdout, config=config, events=events, since=since, until=until)
        return
    with progress("export") as told:
        done = export_ledger(
            output, config=config, events=events, since=since, until=until, progress=told
        )
    emit(
        done.to_dict(),
        as_json,
        lambda out: out.print(f"{done.output}: {done.rows:,} {done.what}", markup=False),
    )

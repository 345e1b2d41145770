"""`leadml crm`: leads of a CRM scored back into it, outcomes into the ledger."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.crm.synced import Synced

SHOWN = 20
"""Leads that went wrong, shown in the terminal; `--json` has up to 1,000."""


@click.group("crm")
def command() -> None:
    """Read leads from a CRM, write scores back, record what became of them.

    \b
    Examples:
      leadml crm tryton sync
      leadml crm tryton sync --since 2026-01-01 --dry-run
    """


@command.group("tryton")
def tryton() -> None:
    """Work with the Tryton that [crm.tryton] in leadml.toml describes.

    \b
    Examples:
      leadml crm tryton sync
    """


@tryton.command("sync")
@click.option(
    "--since",
    metavar="DATE",
    default=None,
    help="Read leads created or changed from this ISO date on.  [default: where the last sync "
    "began, or stopped; the first reads all]",
)
@click.option(
    "--again",
    is_flag=True,
    help="Also score leads of which nothing has changed since their last score: their age may "
    "have moved it.",
)
@click.option(
    "--dry-run", is_flag=True, help="Read and score, but write neither to Tryton nor the ledger."
)
@config_option
@json_option
def sync(since: str | None, again: bool, dry_run: bool, config: Path | None, as_json: bool) -> None:
    """Score what has changed in Tryton there, and record what became of leads.

    Leads (sale.opportunity) are read over JSON-RPC, scored by the champion, and given score and
    reasons; hand-offs, follow-ups, wins and losses become events of the ledger. Stopped at any
    point it goes on where it was; the same again changes nothing. Exit code 1 if something went
    wrong with a lead: the others are done.

    \b
    Examples:
      export LEADML_TRYTON_PASSWORD_FILE=/run/secrets/tryton
      leadml crm tryton sync
      leadml crm tryton sync --since 2026-01-01 --dry-run --json
      leadml crm tryton sync --since 2026-01-01 --again
    """
    from leadml.settings import load_settings
    from leadml.workflows.crm.sync import sync as sync_crm
    from leadml.workflows.crm.tryton import tryton_connector

    settings = load_settings(config)
    with tryton_connector(settings) as connector, progress("reading") as told:
        done = sync_crm(
            connector, config=settings, since=since, again=again, dry_run=dry_run, progress=told
        )
    for warning in done.warnings:
        say(f"warning: {warning}")
    emit(done.to_dict(), as_json, lambda out: _show(done, out))
    if done.failed:
        click.get_current_context().exit(1)


def _show(done: "Synced", out: "Console") -> None:
    from rich.table import Table

    what = "all leads" if done.since is None else f"leads changed since {done.since.isoformat()}"
    resumed = ", from where the last sync was stopped" if done.resumed else ""
    out.print(f"{done.of}: {what}{resumed}; version {done.version}", markup=False)
    if done.dry_run:
        out.print("A dry run: nothing was written.")
    table = Table(box=None, pad_edge=False)
    table.add_column("leads")
    table.add_column("", justify="right")
    for name, number in _counts(done):
        table.add_row(name, f"{number:,}")
    out.print(table)
    events = [f"{kind} {number:,}" for kind, number in done.by_event.items() if number]
    out.print(f"Events {'to add' if done.dry_run else 'added'}: {', '.join(events) or 'none'}.")
    _show_problems(done, out)


def _counts(done: "Synced") -> list[tuple[str, int]]:
    counts = [
        ("read", done.read),
        ("closed, or no longer scored", done.closed),
        ("unchanged since their score", done.unchanged),
        ("scored", done.scored),
        ("  written", done.written),
        ("  changed meanwhile, next time", done.moved),
        ("  refused by the CRM", done.refused),
        ("could not be scored", done.unusable),
        ("forgotten on request", done.forgotten),
    ]
    return [counts[0], *((name, number) for name, number in counts[1:] if number)]


def _show_problems(done: "Synced", out: "Console") -> None:
    if not done.failed:
        return
    from rich.table import Table

    table = Table("lead", "code", "what is wrong", box=None, pad_edge=False)
    for problem in done.problems[:SHOWN]:
        table.add_row(problem.lead, problem.code, problem.problem)
    out.print(f"Not in order: {done.failed:,}")
    out.print(table, markup=False)
    if done.failed > SHOWN:
        out.print(f"and {done.failed - SHOWN:,} more")

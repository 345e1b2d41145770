"""`leadml ledger`: what the ledger holds, and its tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.ledger_erasure import forget_command, prune_command
from leadml.cli.ledger_feed import export_command, import_command
from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console


@click.group("ledger")
def command() -> None:
    """Keep what became of leads: scores, hand-offs, follow-ups, rejections, outcomes.

    \b
    Examples:
      leadml ledger import leads.csv
      leadml ledger status
      leadml ledger export --output leads.csv
    """


for _part in (import_command, export_command, forget_command, prune_command):
    command.add_command(_part)


@command.command("status")
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Say where the ledger lies and how much it holds.

    \b
    Examples:
      leadml ledger status
      leadml ledger status --json
    """
    from leadml.workflows.ledger import status as ledger_status

    found = ledger_status(config)
    emit(found, as_json, lambda out: _show_status(found, out))


def _show_status(found: dict[str, Any], out: "Console") -> None:
    from rich.table import Table

    out.print(f"Ledger {found['database']}, tables of revision {found['revision']}", markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("event")
    table.add_column("kept", justify="right")
    for kind, number in found["by_kind"].items():
        table.add_row(kind, f"{number:,}")
    if found["shadow_scores"]:
        table.add_row("scored in the shadow", f"{found['shadow_scores']:,}")
    table.add_row("all", f"{found['events']:,}")
    out.print(table)
    span = f", from {found['first_happened_at']} to {found['last_happened_at']}"
    out.print(f"{found['leads']:,} leads{span if found['events'] else ''}")


@command.command("migrate")
@click.option(
    "--to",
    metavar="REVISION",
    default=None,
    help="Revision to lead the tables to, `base` for none.  [default: the newest]",
)
@click.option("--yes", is_flag=True, help="Go down even where that loses what is kept.")
@config_option
@json_option
def migrate(to: str | None, yes: bool, config: Path | None, as_json: bool) -> None:
    """Lead the ledger's tables up to this leadml, or down to an older one.

    It is one transaction: a migration that fails changes nothing. Make a backup first.

    \b
    Examples:
      leadml ledger migrate
      leadml ledger migrate --to 0001
    """
    from leadml.workflows.ledger import migrate as migrate_ledger

    done = migrate_ledger(config, to=to, lose=yes)

    def show(out: "Console") -> None:
        for step in done.steps:
            out.print(step, markup=False)
        moved = f"was {done.before}, is {done.after}" if done.steps else f"is {done.after} already"
        newest = "" if done.after == done.newest else f" (the newest is {done.newest})"
        out.print(f"Revision {moved}{newest}.", markup=False)

    emit(done.to_dict(), as_json, show)

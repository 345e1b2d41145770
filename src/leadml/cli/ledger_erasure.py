"""`leadml ledger forget` and `leadml ledger prune`."""

from pathlib import Path

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit, progress, say


@click.command("forget")
@click.argument("lead", metavar="LEAD", type=str)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@config_option
@json_option
def forget_command(lead: str, yes: bool, config: Path | None, as_json: bool) -> None:
    """Erase a person from the ledger; counts and rates stay as they are.

    All events of LEAD get a random name, reasons and texts are taken out, and the database's file
    is written anew. Later events of this id are refused. This cannot be undone.

    \b
    Examples:
      leadml ledger forget 00Q5e00000AbCdE
      leadml ledger forget 00Q5e00000AbCdE --yes --json
    """
    from leadml.workflows.ledger_erasure import forget_lead, known_events

    if not yes:
        known = known_events(lead, config=config)
        question = f"Erase the person behind {known:,} events for good?"
        if not known:
            question = "The ledger holds nothing of this lead. Refuse its events from now on?"
        click.confirm(question, abort=True, err=True)
    with progress("forget") as told:
        done = forget_lead(lead, config=config, progress=told)
    if done.note:
        say(f"note: {done.note}")
    text = f"{done.events:,} events kept under a random name in {done.database}"
    if not done.events:
        text = f"nothing of this lead in {done.database}"
    emit(
        done.to_dict(),
        as_json,
        lambda out: out.print(f"{text}; later events of it are refused", markup=False),
    )


@click.command("prune")
@click.option(
    "--older-than",
    required=True,
    metavar="AGE",
    help="An age (730d, 24 months, 2y) or an ISO date: only older events may go.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@config_option
@json_option
def prune_command(older_than: str, dry_run: bool, config: Path | None, as_json: bool) -> None:
    """Take out old events that the present report does not count.

    Scores go that a later one has superseded, and leads that ended and were handed off before the
    agreement took effect. The verdict and every rate stay as they are.

    \b
    Examples:
      leadml ledger prune --older-than 730d --dry-run
      leadml ledger prune --older-than 2023-12-31
    """
    from leadml.workflows.ledger_erasure import prune

    with progress("prune") as told:
        done = prune(older_than, config=config, dry_run=dry_run, progress=told)
    verb = "would go" if done.dry_run else "taken out"
    text = (
        f"older than {done.older_than}: {done.events:,} events {verb}: all of {done.leads:,} leads "
        f"and {done.scores:,} superseded scores of others. Kept: {done.kept}"
    )
    emit(done.to_dict(), as_json, lambda out: out.print(text, markup=False))

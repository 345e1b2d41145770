"""`leadml webhooks`: who is told of changes, what did not arrive, and sending it again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.options import config_option, json_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.webhooks import Tested


@click.group("webhooks")
def command() -> None:
    """Tell other programs when a lead's band or readiness for sales changes.

    `leadml serve` sends the messages; endpoints are the [webhooks.NAME] tables of leadml.toml.

    \b
    Examples:
      leadml webhooks status
      leadml webhooks test crm
      leadml webhooks dead
      leadml webhooks retry --all
    """


@command.command("status")
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> None:
    """Say how messages to every endpoint stand.

    \b
    Examples:
      leadml webhooks status
      leadml webhooks status --json
    """
    from leadml.workflows.webhooks import status as webhooks_status

    found = webhooks_status(config)
    emit(found, as_json, lambda out: _show_status(found["endpoints"], out))


def _show_status(endpoints: list[dict[str, Any]], out: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    if not endpoints:
        out.print("leadml.toml has no [webhooks.NAME]: nobody is told of changes.", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("endpoint", no_wrap=True)
    table.add_column("host")
    for name in ("waiting", "delivered 24 h", "dead"):
        table.add_column(name, justify="right")
    table.add_column("waiting since", no_wrap=True)
    for told in endpoints:
        counts = (told[name] for name in ("pending", "delivered_last_day", "dead"))
        texts = (told["name"], told["host"] or "", *(f"{n:,}" for n in counts))
        table.add_row(*map(Text, (*texts, _short(told["oldest_pending"]))))
    out.print(table)
    for told in endpoints:
        if told["problem"]:
            here = "" if told["host"] is None else " (seen from here: the service has its own)"
            out.print(f"{told['name']}: {told['problem']}{here}", markup=False)
        if told["last_error"]:
            when = f" ({_short(told['last_error_at'])})"
            out.print(f"{told['name']}: last failure: {told['last_error']}{when}", markup=False)


def _short(moment: str | None) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else ""


@command.command("dead")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="How many to list, those given up last first.",
)
@config_option
@json_option
def dead(limit: int, config: Path | None, as_json: bool) -> None:
    """List dead letters: messages that were given up.

    \b
    Examples:
      leadml webhooks dead
      leadml webhooks dead --limit 10 --json
    """
    from leadml.workflows.webhooks import dead_letters

    letters = dead_letters(config, limit=limit)
    emit({"dead": letters}, as_json, lambda out: _show_dead(letters, out))


def _show_dead(letters: list[dict[str, Any]], out: "Console") -> None:
    if not letters:
        out.print("No dead letters.")
    for told in letters:  # two lines each: an id that is cut short could not be copied
        out.print(f"{told['id']}  {told['endpoint']}  {told['kind']}  {told['lead']}", markup=False)
        tries = f"{told['attempts']:,} {'try' if told['attempts'] == 1 else 'tries'}"
        out.print(
            f"    given up {told['finished_at']} after {tries}: {told['error']}", markup=False
        )


@command.command("retry")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Send every dead letter again.")
@config_option
@json_option
def retry(ids: tuple[str, ...], everything: bool, config: Path | None, as_json: bool) -> None:
    """Send dead letters again, with all their tries.

    The messages keep their ids: receivers that know one already may leave it out.

    \b
    Examples:
      leadml webhooks retry msg_0f6c21a7b5de4e19a3c8d7f60b124e5a
      leadml webhooks retry --all
    """
    from leadml.workflows.webhooks import retry as retry_letters

    if bool(ids) == everything:
        msg = "name the ids that `leadml webhooks dead` lists, or say --all"
        raise click.UsageError(msg)
    number = retry_letters(config, ids=None if everything else ids)
    emit(
        {"retried": number},
        as_json,
        lambda out: out.print(f"{number:,} sent again, once `leadml serve` runs.", markup=False),
    )


@command.command("test")
@click.argument("name", metavar="NAME", type=str)
@config_option
@json_option
def test(name: str, config: Path | None, as_json: bool) -> None:
    """Send a signed message of the type `test` to the endpoint NAME, and show its answer.

    \b
    Examples:
      leadml webhooks test crm
    """
    from leadml.workflows.webhooks import send_test

    done = send_test(name, config=config)
    emit(done.to_dict(), as_json, lambda out: out.print(_tested(done), markup=False))
    if not done.delivered:
        raise click.exceptions.Exit(1)


def _tested(done: "Tested") -> str:
    if done.error:
        return f"{done.endpoint} ({done.host}): {done.error}"
    verdict = "took it" if done.delivered else "did not take it"
    said = f": {done.answer}" if done.answer else ""
    return (
        f"{done.endpoint} ({done.host}) {verdict}: HTTP {done.status} after "
        f"{done.milliseconds:g} ms{said}"
    )

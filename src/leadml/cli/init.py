"""`leadml init`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import activities_option, history_option, json_option, table_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.init import InitRun


@click.command("init")
@click.argument("leads", metavar="EXPORT", type=str)
@activities_option
@history_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("leadml.toml"),
    show_default=True,
    metavar="FILE",
    help="File to write.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
@table_option
@json_option
def command(
    leads: str,
    activities: str | None,
    history: str | None,
    output: Path,
    force: bool,
    table: str | None,
    as_json: bool,
) -> None:
    """Write a leadml.toml for EXPORT: guesses, what each was guessed from, and questions.

    Header names of HubSpot, Salesforce and Dynamics 365 exports are known. The horizon proposed is
    the one by which 90 % of the wins to be had have come. On a terminal it asks for the margin.

    \b
    Examples:
      leadml init leads.csv
      leadml init leads.csv --activities activities.csv -o agreement.toml
      leadml init postgresql://crm/sales --table leads --force --json
    """
    from leadml.workflows.init import init, refuse_overwriting

    if not force:
        refuse_overwriting(output)
    min_margin = None if as_json or not sys.stdin.isatty() else _ask_margin()
    run = init(
        leads,
        activities=activities,
        history=history,
        output=output,
        table=table,
        min_margin=min_margin,
        force=force,
    )
    emit(run.to_dict(), as_json, lambda console: _show(run, console))


def _ask_margin() -> float:
    question = "Smallest margin of a solid win, as a fraction of the amount (0: not checked)"
    answer: float = click.prompt(
        question, type=click.FloatRange(-1.0, 1.0), default=0.0, show_default=True, err=True
    )
    return answer


def _show(run: "InitRun", console: "Console") -> None:
    if run.preset:
        console.print(f"The export looks like one of {run.preset}.", markup=False)
    for guess in run.guesses:
        value = guess.value if isinstance(guess.value, str) else ", ".join(map(str, guess.value))
        console.print(f"{guess.key} = {value}: {guess.because}", markup=False)
    for key, why in run.needed.items():
        console.print(f"{key} is yours to say: {why}", markup=False)
    days = "not guessed" if run.horizon.days is None else f"{run.horizon.days} days"
    console.print(f"horizon: {days}; {run.horizon.because}", markup=False)
    console.print(f"Written to {run.output}: read it before anyone signs it.", markup=False)

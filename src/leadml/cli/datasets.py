"""`leadml datasets`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import json_option
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.datasets import FetchRun, PrepareRun


@click.group("datasets")
def command() -> None:
    """Fetch public data sets, and prepare them for training.

    \b
    Names:
      bank-marketing    UCI Bank Marketing (phone leads, dated)
      online-shoppers   UCI Online Shoppers (web sessions)
      salvirt-b2b       Salvirt B2B (opportunities judged by experts)
      bpi2012           BPI Challenge 2012 (loan applications and their activities)

    \b
    Examples:
      leadml datasets fetch bank-marketing --to data
      leadml datasets prepare bank-marketing data bank
      leadml train bank/leads.csv --config bank/leadml.toml
    """


@command.command("fetch")
@click.argument("name", metavar="NAME")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    metavar="DIR",
    help="Folder to put the file in.",
)
@click.option(
    "--url", metavar="URL", default=None, help="Mirror to fetch from; the checksum still decides."
)
@json_option
def fetch(name: str, to: Path, url: str | None, as_json: bool) -> None:
    """Fetch bank-marketing or online-shoppers from the UCI archive and check it.

    A file that is there already and has the published checksum is kept.

    \b
    Examples:
      leadml datasets fetch bank-marketing
      leadml datasets fetch online-shoppers --to data --json
      leadml datasets fetch bank-marketing --url https://mirror.example/bank+marketing.zip
    """
    from leadml.workflows.datasets import fetch as run_fetch

    with progress("fetching") as report:
        run = run_fetch(name, to=to, url=url, progress=report)
    emit(run.to_dict(), as_json, lambda console: _show_fetched(run, console))


@command.command("prepare")
@click.argument("name", metavar="NAME")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over files that are there already.")
@json_option
def prepare(name: str, source: Path, out: Path, force: bool, as_json: bool) -> None:
    """Turn a downloaded data set into leads, activities and a leadml.toml.

    SRC is the downloaded file or a folder that holds it; OUT is a folder, in which leads.csv,
    leadml.toml and, where the set has any, activities.csv are written.

    \b
    Examples:
      leadml datasets prepare online-shoppers data shoppers
      leadml datasets prepare bpi2012 data/bpi2012 bpi --json
    """
    from leadml.workflows.datasets import prepare as run_prepare

    run = run_prepare(name, source, out, force=force)
    for warning in run.warnings:
        say(f"warning: {warning}")
    emit(run.to_dict(), as_json, lambda console: _show_prepared(run, console))


def _show_fetched(run: "FetchRun", console: "Console") -> None:
    came = f"fetched from {run.url}" if run.url else "there already"
    console.print(f"{run.path}: {came}, checksum as published")


def _show_prepared(run: "PrepareRun", console: "Console") -> None:
    console.print(f"{run.leads}: {run.lead_count:,} leads")
    with_activities = ""
    if run.activities:
        console.print(f"{run.activities}: {run.activity_count:,} activities")
        with_activities = f" --activities {run.activities}"
    console.print(f"{run.config}: the agreement")
    console.print(f"next: leadml train {run.leads}{with_activities} --config {run.config}")

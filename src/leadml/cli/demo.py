"""`leadml demo`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import json_option, seed_option
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.demo import DemoRun


@click.command("demo")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("leadml-demo"),
    show_default=True,
    metavar="DIR",
    help="Folder to write everything to.",
)
@seed_option
@json_option
def command(output: Path, seed: int, as_json: bool) -> None:
    """Show the whole product on a simulated CRM: train, evaluate, score, keep a ledger, report.

    DIR gets the exports, a leadml.toml, the models, the pages, the scores and the ledger. A second
    run writes over the first one's files.

    \b
    Examples:
      leadml demo
      leadml demo --output /tmp/demo --seed 7
      leadml demo --json
    """
    from leadml.workflows.demo import demo, files_there

    there = files_there(output)
    if there:
        say(f"writing over the last demo in {output}: {', '.join(there)}, its pages and scores")
    with progress("demo") as report:
        run = demo(output, seed=seed, progress=report)
    emit(run.to_dict(), as_json, lambda console: _show(run, console))


def _show(run: "DemoRun", console: "Console") -> None:
    from leadml.pages.summary import evaluation_headline, report_headline

    folder, training = run.folder, run.training
    console.print(
        f"Trained on {training.leads:,} past leads, {training.won:,} of them sales-ready: version "
        f"{training.version} ({training.chosen}) is {training.alias}, for {training.why}.",
        markup=False,
    )
    for title, headline in (
        ("Model and points on newer leads", evaluation_headline(run.evaluation.values)),
        ("What marketing handed off", report_headline(run.report.values)),
    ):
        console.print(f"\n{title}", style="bold")
        console.print(headline.text, style="bold green", markup=False)
        for sentence in headline.support:
            console.print(sentence, markup=False)
    console.print("\nWhere everything is", style="bold")
    for what, place in (
        ("the agreement", run.config),
        ("what was learnt, and what the data cannot tell", training.page),
        ("model against points", run.evaluation.page),
        ("hand-offs against the agreement", run.report.page),
        ("a score for every newer lead", run.scoring.output),
        ("the ledger: scores, hand-offs and what came of them", folder / "leadml.db"),
    ):
        console.print(f"  {place}: {what}", markup=False)
    config = folder / run.config.name
    console.print(
        f"  leadml serve --config {config}: scores over HTTP, and web pages", markup=False
    )

"""`leadml scorecard`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadml.cli.options import config_option, json_option, model_option
from leadml.cli.output import emit

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.scorecard import Card


@click.command("scorecard")
@model_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE.csv|.md|.html",
    help="File to write: CSV in full precision, Markdown or a page for people.",
)
@click.option(
    "--unit",
    type=float,
    default=20.0,
    show_default=True,
    metavar="POINTS",
    help="Points that double the odds.",
)
@config_option
@json_option
def command(
    model: str, output: Path | None, unit: float, config: Path | None, as_json: bool
) -> None:
    """Write an additive version as a table of points: feature, range, points, close rate.

    A lead's points are the base and one row of each feature; the total tells its probability. The
    CSV file holds the very numbers that score. A version with interacting trees has no such table:
    train with form = "additive" under [model].

    \b
    Examples:
      leadml scorecard
      leadml scorecard --output scorecard.html
      leadml scorecard --model 3 --unit 10 --output scorecard.csv
    """
    from leadml.workflows.scorecard import scorecard

    card = scorecard(model, output=output, unit=unit, config=config)
    emit(card.to_dict(), as_json, lambda out: _show(card, out))


def _show(card: "Card", out: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    from leadml.workflows.scorecard import shown_rows

    values = card.values
    table = Table(
        "feature", "range", "points", "closed", "of leads", title=f"Version {values['version']}"
    )
    for row in shown_rows(values):
        table.add_row(*(escape(cell) for cell in row))
    if card.output is None:  # else it is in the file
        out.print(table)
    out.print(f"{values['unit']:g} points double the odds; 0 points are a probability of 50 %.")
    if values["cut"] is not None:
        cut = values["cut"]
        words = f"{cut['points']:.0f} points, probability {cut['probability']:.3f}"
        out.print(f"Hand-off from {words} ({cut['basis']}).")
    for note in values["notes"]:
        out.print(note, markup=False)
    if card.output is not None:
        out.print(f"Wrote {card.output}", markup=False)

"""`leadml evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadml.cli.options import (
    activities_option,
    as_of_option,
    config_option,
    history_option,
    json_option,
    leads_argument,
    model_option,
    seed_option,
    table_option,
)
from leadml.cli.output import emit, progress, say
from leadml.cli.people import show_people

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from leadml.workflows.evaluate import Evaluation

MOST_LINES = 5
"""Most slices that differ named in the terminal; the page has all."""


@click.command("evaluate")
@leads_argument
@activities_option
@history_option
@model_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for evaluation.json and evaluation.html.  "
    "[default: evaluation/ beside the configuration]",
)
@config_option
@table_option
@as_of_option
@seed_option
@json_option
def command(
    leads: str,
    activities: str | None,
    history: str | None,
    model: str,
    output: Path | None,
    config: Path | None,
    table: str | None,
    as_of: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure model and points on labelled leads, and judge both by the agreement.

    LEADS is an export with outcomes, normally newer than the training data; leads that the model
    learnt from are left out. Writes evaluation.json, which --json prints, and evaluation.html.

    \b
    Examples:
      leadml evaluate newer.csv --activities activities.csv
      leadml evaluate newer.csv --model challenger --output evaluation
      leadml evaluate newer.csv --as-of 2026-03-01 --json
    """
    from leadml.workflows.evaluate import evaluate

    with progress("evaluate") as told:
        result = evaluate(
            leads,
            activities=activities,
            history=history,
            config=config,
            model=model,
            output=output,
            as_of=as_of,
            table=table,
            seed=seed,
            progress=told,
        )
    for note in result.values["notes"]:
        if note["severity"] == "warning":
            say(f"warning: {note['message']} ({note['count']})")
    emit(result.to_dict(), as_json, lambda console: _show(console, result))


def _show(console: "Console", result: "Evaluation") -> None:
    from leadml.pages.fair_section import flagged
    from leadml.pages.summary import evaluation_headline

    values = result.values
    headline = evaluation_headline(values)
    console.print(headline.text, style="bold", markup=False)
    for sentence in headline.support:
        console.print(sentence, markup=False)
    console.print(_handoffs(values))
    console.print(_scores(values))
    if values["fair_comparison"] is not None:
        console.print(contest_table(values["fair_comparison"]))
    console.print(profit_table(values["profit"]))
    differing = flagged(values)
    for line in differing[:MOST_LINES]:
        console.print(f"differs: {line}", markup=False)
    if len(differing) > MOST_LINES:
        console.print(f"differs: {len(differing) - MOST_LINES} more slices, see the page")
    if values["exploration"] is not None:
        console.print(values["exploration"]["text"], markup=False)
    show_people(values["people"], console)
    if values["accounts"] is not None:
        console.print(accounts_table(values["accounts"]))
    for row in values["excluded_rows"]:
        console.print(f"left out: {row['count']} × {row['reason']} ({row['code']})", markup=False)
    console.print(f"page: {result.page}", markup=False)


def _handoffs(values: dict[str, Any]) -> "Table":
    from rich.table import Table

    from leadml.pages.html import count, percent

    table = Table(title="hand-off", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("handed off", "won", "close rate", "bounds", "verdict"):
        table.add_column(name, justify="right")
    for name in ("model", "points"):
        group = values["handoff"][name]
        if group["close_rate"] is None:
            table.add_row(name, "–", "–", "–", "–", group["reason"])
            continue
        table.add_row(
            name,
            count(group["handed_off"]),
            count(group["won"]),
            percent(group["close_rate"]),
            f"{percent(group['low'])} to {percent(group['high'])}",
            group["verdict"].replace("_", " "),
        )
    return table


def _scores(values: dict[str, Any]) -> "Table":
    from rich.table import Table

    from leadml.pages.summary import METRIC_NAMES

    table = Table(title="measures", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in ("model", "points", "difference", "interval", "better"):
        table.add_column(name, justify="right")
    compared = {row["metric"]: row for row in values["comparison"]}
    for metric, name in METRIC_NAMES.items():
        cells = [_number(values["scores"][who][metric]["value"]) for who in ("model", "points")]
        row = compared.get(metric)
        table.add_row(name, *cells, *(_difference(row) if row else "–––"))
    return table


def accounts_table(told: dict[str, Any]) -> "Table":
    """Show what was said of accounts, by their size, and what became of them."""
    from rich.table import Table

    from leadml.pages.html import count, percent

    title = f"accounts ({told['basis']}): at least one sales-ready lead, by number of leads"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("leads", "accounts", "won", "said", "plain product", "share won", "bounds"):
        table.add_column(name, justify="right")
    for row in told["by_size"]:
        rate = row["observed"]
        table.add_row(
            row["size"],
            count(row["accounts"]),
            count(row["won"]),
            percent(row["predicted"]),
            percent(row["product"]),
            percent(rate["value"]),
            f"{percent(rate['low'])} to {percent(rate['high'])}",
        )
    return table


def profit_table(told: dict[str, Any]) -> "Table | str":
    """Show what working leads was expected to bring in and brought in, or why nobody knows."""
    from rich.table import Table

    from leadml.pages.html import count, money, percent

    if not told["model"]:
        return f"profit: not known, {told['reason']}."
    title = f"profit: {told['of']} of the won less {money(told['cost'])} a lead worked"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("", "leads worked", "share", "expected", "as it came", "bounds"):
        table.add_column(name, justify="right" if name else "left")
    rows = {
        "model, best as expected": told["model"]["best"],
        "model, its cut": told["model"]["at_cut"],
        "points, best in hindsight": told["points"] and told["points"]["hindsight"],
    }
    for name, row in rows.items():
        if row:
            bounds = f"{money(row['observed_low'])} to {money(row['observed_high'])}"
            figures = (money(row[key]) for key in ("expected", "observed"))
            table.add_row(name, count(row["volume"]), percent(row["leads"]), *figures, bounds)
    return table


def contest_table(fair: dict[str, Any]) -> "Table":
    """Tabulate model, points and both together by what decides and by AUC."""
    from rich.table import Table

    from leadml.pages.fair_section import MEASURE_NAMES, SHOWN

    title = "model, points, or both"
    if fair["weights"] is not None:
        title += ": here explored leads stand for those like them"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in (*SHOWN, "both − model", "interval"):
        table.add_column(name, justify="right")
    for row in fair["measures"][:3:2]:  # what decides, and AUC
        cells = [_number(row[name]["value"]) for name in SHOWN]
        added = next((pair for pair in row["pairs"] if pair["first"] == "both"), None)
        shown = ("–", "–") if added is None else _difference(added)[:2]
        table.add_row(MEASURE_NAMES[row["metric"]], *cells, *shown)
    return table


def _difference(row: dict[str, Any]) -> tuple[str, str, str]:
    if row["difference"] is None:
        return "–", "–", "–"
    interval = f"{_number(row['low'], '+')} to {_number(row['high'], '+')}"
    return _number(row["difference"], "+"), interval, row["better"] or "undecided"


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.4f}"

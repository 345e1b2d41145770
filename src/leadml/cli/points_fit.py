"""`leadml points fit`."""

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
    seed_option,
    table_option,
)
from leadml.cli.output import emit, progress
from leadml.cli.points_check import COLOURS, say_findings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


@click.command("fit")
@leads_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="NEW.toml",
    help="Configuration to write: today's with the points replaced.",
)
@click.option(
    "--by",
    metavar="COLUMN",
    default=None,
    help="Column with the buying stage: besides, one file a stage, NEW-STAGE.toml. A rule cannot "
    "ask for a stage, so each stage gets a table, drawn to that of all leads; a stage with fewer "
    "than 20 won or lost leads keeps the points of all.",
)
@click.option(
    "--no-model", is_flag=True, help="Compare the tables alone: faster, no model is trained."
)
@click.option("--force", is_flag=True, help="Write over files that are there already.")
@activities_option
@history_option
@config_option
@as_of_option
@seed_option
@table_option
@json_option
def fit(
    leads: str,
    output: Path,
    by: str | None,
    no_model: bool,
    force: bool,
    activities: str | None,
    history: str | None,
    config: Path | None,
    as_of: str | None,
    seed: int,
    table: str | None,
    as_json: bool,
) -> None:
    """Fit the points table to the outcomes of LEADS and write it, the old one beside it.

    The new file is the whole configuration with other points, threshold, caps and buckets. Both
    tables are compared like champion and challenger, fitted on earlier leads and held against later
    ones, and with the model that `leadml train` would make of the same leads.

    \b
    Examples:
      leadml points fit leads.csv -o new.toml
      leadml points fit leads.csv --activities activities.csv -o new.toml --force
      leadml points fit leads.csv -o new.toml --by buying_stage --no-model
      leadml points score newer.csv --config new.toml --output points.csv
    """
    from leadml.workflows.points_fit import fit_points

    with progress("points fit") as told:
        result = fit_points(
            leads,
            output=output,
            by=by,
            activities=activities,
            history=history,
            config=config,
            table=table,
            as_of=as_of,
            model=not no_model,
            force=force,
            seed=seed,
            progress=told,
        )
    say_findings(result.findings)
    emit(result.to_dict(), as_json, lambda console: _show(result.to_dict(), console))


def _show(values: dict[str, Any], out: "Console") -> None:
    compared = values["comparison"]
    headline = compared["text"][0] if compared else f"Not compared: {values['no_comparison']}."
    out.print(headline, style="bold", markup=False)
    for sentence in (compared or {"text": []})["text"][1:]:
        out.print(sentence, markup=False)
    for sentence in _sentences(values):
        out.print(sentence, markup=False)
    out.print(_rules(values))
    if compared:
        out.print(_contestants(compared))
    out.print(values["note"], markup=False)
    for path in (values["output"], *(stage["output"] for stage in values["stages"])):
        out.print(f"written: {path}", markup=False)


def _sentences(values: dict[str, Any]) -> list[str]:
    today, new = values["threshold"]["today"], values["threshold"]["new"]
    said = [
        f"Threshold: {_points(new['points'])} hands off {new['leads']:,} of {values['leads']:,} "
        f"leads, today's {_points(today['points'])} {today['leads']:,}; on these leads, which the "
        f"table was fitted on, {_percent(new['close_rate'])} against "
        f"{_percent(today['close_rate'])} of them closed."
    ]
    keeping = values["threshold"]["same_close_rate"]
    if keeping:
        said.append(
            f"From {_points(keeping['points'])} the new table's hand-offs close about as often as "
            f"today's, judged on leads it was not fitted on: {keeping['leads']:,} leads."
        )
    if values["no_model"]:
        said.append(f"The model is not compared: {values['no_model']}.")
    for stage in values["stages"]:
        own = "points of its own" if stage["own_points"] else "too few outcomes: points of all"
        said.append(
            f"Stage {stage['stage']}: {stage['leads']:,} leads, {stage['won']:,} won, {own}, "
            f"threshold {_points(stage['threshold'])}."
        )
    share = (values["comparison"] or {}).get("share_of_model_gain")
    if share is not None and share > 0:
        said.append(
            f"Of what the model gains in log loss over today's table the new one has {share:.0%}."
        )
    return said


def _points(value: float) -> str:
    return f"{value:g} points"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _rules(values: dict[str, Any]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("rule", overflow="fold")
    for name in ("today", "new", "leads", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict on today's", min_width=14)
    for row in values["rules"]:
        colour = COLOURS.get(row["verdict"], "magenta")
        table.add_row(
            escape(row["rule"]),
            f"{row['points']:g}",
            f"[bold]{row['new']:g}[/]",
            f"{row['fires']:,}",
            "–" if row["low"] is None else f"{row['low']:.0f} to {row['high']:.0f}",
            f"[{colour}]{escape(row['verdict'])}[/]",
        )
    return table


def _contestants(compared: dict[str, Any]) -> "Table":
    from rich.table import Table

    names = {"today": "today's table", "new": "new table", "stages": "by stage", "model": "model"}
    title = f"On {compared['leads']:,} leads not fitted on, {compared['won']:,} won"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    handed = f"won of {compared['handed_off']:,}"
    for name in ("AUC", "log loss", handed, "close rate"):
        table.add_column(name, justify="right")
    for row in compared["contestants"]:
        table.add_row(
            names[row["name"]],
            f"{row['auc']:.3f}",
            f"{row['log_loss']:.4f}",
            f"{row['won_of_handed_off']:.0f}",
            _percent(row["close_rate"]),
        )
    return table

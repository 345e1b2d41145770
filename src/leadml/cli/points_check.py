"""`leadml points check`."""

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
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from leadml.domain.finding import Finding
    from leadml.workflows.points_check import PointsCheck

COLOURS = {
    "about right": "green",
    "too high": "red",
    "too low": "yellow",
    "wrong sign": "bold red",
    "never fires": "dim",
    "too few to say": "dim",
}


@click.command("check")
@leads_argument
@activities_option
@history_option
@config_option
@as_of_option
@seed_option
@table_option
@json_option
def check(
    leads: str,
    activities: str | None,
    history: str | None,
    config: Path | None,
    as_of: str | None,
    seed: int,
    table: str | None,
    as_json: bool,
) -> None:
    """Hold every points rule against the outcomes of the matured leads in LEADS.

    All rules are fitted jointly, so each shows what it goes along with while the others are held
    fixed, in the unit of today's points. Verdicts: about right, too high, too low, wrong sign,
    never fires, double-counts with another rule, too few to say. An association, never a cause.

    \b
    Examples:
      leadml points check leads.csv
      leadml points check leads.csv --activities activities.csv --as-of 2026-06-30
      leadml points check leads.csv --activities activities.csv --json
    """
    from leadml.workflows.points_check import check_points

    with progress("points check") as told:
        result = check_points(
            leads,
            activities=activities,
            history=history,
            config=config,
            table=table,
            as_of=as_of,
            seed=seed,
            progress=told,
        )
    say_findings(result.findings)
    emit(result.to_dict(), as_json, lambda console: _show(result, console))


def say_findings(findings: "tuple[Finding, ...]") -> None:
    """Print warnings and notes on rules on stderr."""
    for finding in findings:
        if finding.severity == "warning" or finding.code.startswith("POINT"):
            rules = f": {', '.join(finding.examples)}" if finding.examples else ""
            where = f"{finding.column}: " if finding.column else ""
            say(
                f"{finding.severity}: {where}{finding.message}{rules} "
                f"[{finding.code}, {finding.count}]"
            )


def _show(result: "PointsCheck", out: "Console") -> None:
    values = result.to_dict()
    out.print(values["sentence"], style="bold", markup=False)
    out.print(_basis(values), markup=False)
    out.print(rules_table(values["rules"]))
    out.print(values["note"], markup=False)


def _basis(values: dict[str, Any]) -> str:
    unit = values["unit"]
    told = f"{values['leads']:,} matured leads, {values['won']:,} of them sales-ready"
    if unit["odds_of_10_points"] is None:
        return f"{told}; every rule gives all of them the same."
    factor = f"10 points go with {unit['odds_of_10_points']:.2f} times the odds of a win"
    sure = f"all intervals hold together with {100 * values['confidence']:g} % confidence"
    return f"{told}. In today's unit {factor}; {sure}."


def rules_table(rows: list[dict[str, Any]]) -> "Table":
    """Draw the rules with what the data support."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("rule", overflow="fold")
    for name in ("points", "leads", "close rate", "supported", "interval"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", min_width=14)
    for row in rows:
        colour = COLOURS.get(row["verdict"], "magenta")
        table.add_row(
            escape(row["rule"]),
            f"{row['points']:g}",
            f"{row['fires']:,}",
            "–" if row["close_rate"] is None else f"{row['close_rate']:.0%}",
            "–" if row["supported"] is None else f"{row['supported']:.0f}",
            "–" if row["low"] is None else f"{row['low']:.0f} to {row['high']:.0f}",
            f"[{colour}]{escape(row['verdict'])}[/]",
        )
    return table

"""`leadml score`."""

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
    table_option,
)
from leadml.cli.output import emit, progress, say

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.workflows.account_scores import AccountScoring
    from leadml.workflows.score_file import Scoring


@click.command("score")
@leads_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT.csv|.parquet|.jsonl",
    help="File to write: one row a lead in the export's order, or one an account. By lead it must "
    "be given.",
)
@click.option(
    "--by",
    type=click.Choice(["lead", "account"]),
    default="lead",
    show_default=True,
    help="One row a lead, or one an account: the probability that at least one of its leads "
    "becomes sales-ready.",
)
@activities_option
@history_option
@model_option
@config_option
@as_of_option
@table_option
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be scored.")
@json_option
def command(
    leads: str,
    output: Path | None,
    by: str,
    activities: str | None,
    history: str | None,
    model: str,
    config: Path | None,
    as_of: str | None,
    table: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Score every lead of LEADS with a trained version, or every account.

    A lead is judged as of its hand-off where that is known and has passed, else as of now, or as
    of --as-of. Rows that cannot be scored keep their place, with the reason in a column `error`.

    \b
    Examples:
      leadml score leads.csv --output scores.csv
      leadml score leads.csv --activities activities.csv --output scores.parquet
      leadml score leads.csv --output scores.csv --model 3 --as-of 2026-06-30 --strict
      leadml score leads.csv --by account --output accounts.csv
    """
    options: dict[str, Any] = {
        "activities": activities,
        "history": history,
        "model": model,
        "config": config,
        "table": table,
        "as_of": as_of,
        "strict": strict,
    }
    if by == "account":
        _by_account(leads, output, options, as_json=as_json)
        return
    if output is None:
        msg = "Missing option '--output': name the file to write, one row a lead."
        raise click.UsageError(msg)
    from leadml.workflows.score_file import score

    with progress("scoring") as report:
        scoring = score(leads, output, **options, progress=report)
    for warning in scoring.warnings:
        say(f"warning: {warning}")
    emit(scoring.to_dict(), as_json, lambda out: _show(scoring, out))


def _by_account(leads: str, output: Path | None, options: dict[str, Any], *, as_json: bool) -> None:
    from leadml.workflows.account_scores import score_accounts

    with progress("scoring") as report:
        scoring = score_accounts(leads, output, **options, progress=report)
    for warning in scoring.warnings:
        say(f"warning: {warning}")
    emit(scoring.to_dict(), as_json, lambda out: _show_accounts(scoring, out))


SHOWN = 15
"""Accounts shown in the terminal."""


def _show_accounts(scoring: "AccountScoring", out: "Console") -> None:
    from rich.table import Table

    table = Table("account", title=f"Version {scoring.model_version}: most promising accounts")
    for name in ("probability", "grade", "ready", "leads", "expected margin", "best person"):
        table.add_column(name, justify="left" if name == "best person" else "right")
    for row in scoring.rows[:SHOWN]:
        table.add_row(*_account_cells(row))
    out.print(table)
    if scoring.accounts > SHOWN:
        out.print(f"The {SHOWN} most promising of {scoring.accounts} accounts.")
    counts = ", ".join(f"{grade} {count}" for grade, count in scoring.grades.items())
    out.print(f"Grades: {counts}. With a sales-ready lead: {scoring.sales_ready} accounts.")
    out.print(f"{scoring.leads} leads; {scoring.without_account} without a company stand alone.")
    how = {
        "calibrated": "corrected for how leads of one account hang together",
        "product": "the plain product over the leads",
    }
    out.print(f"An account's probability: {how[scoring.basis]}.")
    if scoring.errors:
        out.print(f"Could not be scored: {scoring.errors} leads, see the column `errors`.")
    if scoring.output is not None:
        out.print(f"Wrote {scoring.output}", markup=False)


def _account_cells(row: dict[str, Any]) -> list[str]:
    from rich.markup import escape

    person = row["people"][0]["lead_id"] if row["people"] else "–"
    worth = row["expected_margin"]
    return [
        "–" if row["account"] is None else escape(row["account"]),
        "–" if row["probability"] is None else f"{row['probability']:.3f}",
        row["grade"] or "–",
        "yes" if row["sales_ready"] else "",
        str(row["leads"]),
        "–" if worth is None else f"{worth:,.0f}",
        escape(person),
    ]


def _show(scoring: "Scoring", out: "Console") -> None:
    from rich.table import Table

    table = Table("band", "probability from", "leads", title=f"Version {scoring.model_version}")
    for band, leads in scoring.bands.items():
        table.add_row(band, f"{scoring.cuts.get(band, 0.0):.3f}", str(leads))
    out.print(table)
    cut = "" if scoring.threshold is None else f" from probability {scoring.threshold:.3f}"
    out.print(
        f"Sales-ready{cut} ({scoring.basis}): {scoring.sales_ready} of {scoring.leads} leads."
    )
    if scoring.explored:
        out.print(
            f"Explored: {scoring.explored} leads below the cut are handed off at random to learn "
            "from; each must be followed up."
        )
    out.print(stage_words(scoring))
    if scoring.errors:
        out.print(f"Could not be scored: {scoring.errors} leads, see the column `error`.")
    out.print(f"Wrote {scoring.output}", markup=False)


def stage_words(scoring: "Scoring") -> str:
    """Say how many leads are to be nurtured, and how many are nobody's for now."""
    if scoring.eventually_days is None:
        return "Nurture: this version tells nothing of wins after the horizon; train again."
    nurture = scoring.stages["nurture"]
    if not nurture:
        text = f"Nurture: no other lead reaches the cut within {scoring.eventually_days:g} days"
    else:
        leads = "1 lead reaches" if nurture == 1 else f"{nurture:,} leads reach"
        text = f"Nurture: {leads} the cut only within {scoring.eventually_days:g} days"
    return f"{text}; not qualified: {scoring.stages['not_qualified']}."

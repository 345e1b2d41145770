"""`leadml train`."""

import math
from collections.abc import Mapping
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
from leadml.cli.people import show_people

if TYPE_CHECKING:
    from rich.console import Console

    from leadml.evaluation.threshold import Threshold
    from leadml.workflows.train import Training

FEWEST = 20
"""Leads from which a close rate is compared."""
WAYS = {"up": "up", "down": "down", "both": "both ways", None: ""}


@click.command("train")
@leads_argument
@activities_option
@history_option
@config_option
@as_of_option
@seed_option
@table_option
@json_option
def command(
    leads: str,
    activities: str | None,
    history: str | None,
    config: Path | None,
    as_of: str | None,
    seed: int,
    table: str | None,
    as_json: bool,
) -> None:
    """Learn from the matured leads of LEADS and register the version.

    LEADS is a CSV (also .gz) or Parquet file, or a SQL URL with --table. Candidates compete on
    out-of-time predictions; the winner is calibrated, refitted on all matured leads, sealed as a
    bundle in models/ beside the configuration and recorded in MLflow.

    \b
    Examples:
      leadml train leads.csv
      leadml train leads.csv --activities activities.csv --as-of 2026-06-30
      leadml train postgresql://crm/sales --table leads --json
    """
    from leadml.workflows.train import train

    with progress("training") as report:
        training = train(
            leads,
            activities=activities,
            history=history,
            config=config,
            table=table,
            as_of=as_of,
            seed=seed,
            progress=report,
        )
    left_out = set() if as_json else {(item.code, item.column) for item in training.excluded}
    for finding in training.findings:
        if finding.severity != "error" and (finding.code, finding.column) not in left_out:
            where = f"{finding.column}: " if finding.column else ""
            say(f"{finding.severity}: {where}{finding.message} [{finding.code}, {finding.count}]")
    emit(training.to_dict(), as_json, lambda out: _show(training, out))


def _show(training: "Training", out: "Console") -> None:
    from rich.table import Table

    table = Table("candidate", "log loss", "AUC", "seconds", title="Out-of-time predictions")
    for row in training.candidates:
        mark = "[bold]" if row["name"] == training.chosen else ""
        cells = (
            row["name"],
            f"{row['log_loss']:.4f}",
            f"{row['auc']:.3f}",
            f"{row['seconds']:.1f}",
        )
        table.add_row(*(f"{mark}{cell}" for cell in cells))
    out.print(table)
    for rows in training.excluded_rows:
        out.print(f"left out: {rows.count} leads, {rows.reason} [{rows.code}]", markup=False)
    out.print(_level_words(training.level))
    if training.half_life_days is not None:
        out.print(f"Recency: a lead's weight halves every {training.half_life_days:.0f} days.")
    for sentence in training.outcomes.sentences():
        out.print(sentence, markup=False)
    for column in training.excluded:
        audited = column.code.startswith("LEAK")
        what = column.reason if audited else f"column {column.column}, {column.reason}"
        out.print(f"left out: {what} [{column.code}]", markup=False)
    out.print(f"Chosen: {training.chosen}, the simplest that is as good as the best.")
    if training.additive_cost is not None:
        out.print(cost_words(training.additive_cost))
    out.print(f"Learnt from {training.leads} leads, {training.won} of them sales-ready.")
    show_handoff(training.threshold, out)
    out.print(_eventually_words(training))
    out.print(value_words(training.value))
    show_exploration(training.exploration, out)
    show_people(training.people, out)
    _show_accounts(training.accounts, out)
    out.print(f"Version {training.version} is {training.alias}: {training.why}.")
    _show_looks(training.looks_at, out)
    _show_limits(training, out)
    out.print(f"Bundle: {training.bundle}", markup=False)
    out.print(f"Page: {training.page}", markup=False)


def show_handoff(threshold: "Threshold", out: "Console") -> None:
    """Say from which probability leads are handed off, on what basis, and what that brings."""
    out.print(f"[bold]Hand-off[/bold] ({threshold.basis})")
    for sentence in threshold.told:
        out.print(f"- {sentence}", markup=False)


def show_exploration(exploration: dict[str, Any] | None, out: "Console") -> None:
    """Say how leads handed off at random were weighed; nothing where they are not recorded."""
    if exploration is not None:
        out.print(exploration["text"], markup=False)


def cost_words(cost: Mapping[str, Any]) -> str:
    """Say what it costs to let additive candidates alone compete."""
    if abs(cost["difference"]) < 5e-5:
        return 'form = "additive" costs nothing: no other candidate would have been chosen.'
    other = {"blend": "the blend with trees"}.get(cost["candidate"], cost["candidate"])
    more = "higher" if cost["difference"] > 0 else "lower"
    return (
        f'form = "additive": among all candidates {other} would have been chosen; out of time '
        f"the log loss is {abs(cost['difference']):.4f} {more} than its {cost['log_loss']:.4f} "
        f"(standard error {cost['error']:.4f})."
    )


def _show_looks(looks_at: dict[str, Any], out: "Console") -> None:
    from rich.markup import escape
    from rich.table import Table

    if not looks_at["features"]:
        return
    title = "What the model looks at: the ten weightiest features"
    table = Table("feature", "odds", "as it rises", "closed least", "closed most", title=title)
    for row in looks_at["features"][:10]:
        low, high = closed_least_and_most(row["ranges"])
        odds = f"× {math.exp(row['importance']):.2f}"
        cells = (row["feature"], odds, WAYS[row["direction"]], low, high)
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)
    out.print("odds: by how much the feature moves them, on average. All of it is on the page.")


def closed_least_and_most(ranges: list[dict[str, Any]]) -> tuple[str, str]:
    """Return the ranges with the lowest and the highest close rate, in words.

    Those with too few leads for a rate are passed over where others are left.
    """
    enough = [own for own in ranges if own["leads"] >= FEWEST] or ranges
    ends = (min(enough, key=_close_rate), max(enough, key=_close_rate))
    low, high = (f"{own['range']} ({_close_rate(own):.0%} of {own['leads']})" for own in ends)
    return low, high


def _close_rate(own: dict[str, Any]) -> float:
    return float(own["close_rate"])


def _show_accounts(told: dict[str, Any] | None, out: "Console") -> None:
    from leadml.cli.evaluate import accounts_table

    if told is None:
        return
    out.print(accounts_table(told))
    if told["why"]:
        out.print(f"Accounts: the plain product; {told['why']}.", markup=False)


def _show_limits(training: "Training", out: "Console") -> None:
    out.print("[bold]What the data cannot tell you[/bold]")
    for limit in training.cannot_tell:
        out.print(f"- {limit['topic']}: {limit['text']}.", markup=False)


def _level_words(level: dict[str, Any]) -> str:
    if not level["candidates"]:
        return "Level: left alone; the history is too short to try a correction on earlier periods."
    gains = ", ".join(_gain_words(option) for option in level["candidates"][1:])
    words = {
        "none": "left alone",
        "shift": f"shifted by {level['shift']:+.2f} log-odds",
        "trend": "carried along its trend"
        + (f", {level['trend']['rate'] * 365:+.2f} log-odds a year" if level["trend"] else ""),
    }
    return f"Level: {words[level['chosen']]}; in earlier periods {gains}."


def _gain_words(option: dict[str, Any]) -> str:
    way = "lowered" if option["gain"] > 0 else "raised"
    error = "" if option["error"] is None else f" (standard error {option['error']:.4f})"
    return f"a {option['name']} would have {way} log loss by {abs(option['gain']):.4f}{error}"


def _eventually_words(training: "Training") -> str:
    beyond = training.eventually
    if beyond is None or beyond.form == "none":
        return "Beyond the horizon: nothing can be shown" + (f"; {beyond.why}." if beyond else ".")
    return (
        f"Beyond the horizon: of {beyond.leads} leads not won within it {beyond.won} were won "
        f"within {beyond.horizon_days:g} days; {beyond.why}."
    )


def value_words(value: dict[str, Any]) -> str:
    """Say in one sentence what expected margins rest on."""
    if value["basis"] is None:
        return "Expected margin: none; no won lead has a known margin in money (amount, margin)."
    what = "margin" if value["of"] == "margin" else "amount (no margin is mapped)"
    mean = f"mean {what} of a win {value['mean']:,.0f}"
    if value["low"] < value["high"]:
        mean += f", {value['low']:,.0f} to {value['high']:,.0f} as the unknown ones may be"
    wins = (
        f"{value['won_with_margin']} wins with a known one, {value['won_without_margin']} without"
    )
    how = {"model": "differs by the lead's features", "mean": "is the same for all leads"}
    return f"Expected margin: given a win it {how[value['basis']]}; {mean}; {wins}."

"""The report's tables in the terminal: what a person wants to see there; the page has all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from leadml.pages.html import count, money, percent

Values = Mapping[str, Any]

STAGES = {
    "leads": "leads",
    "qualified": "qualified",
    "handed_off": "handed off",
    "accepted": "accepted",
    "followed_up": "followed up in time",
    "won": "won",
    "won_with_margin": "won with margin",
}
TARGETS = {"handoffs": "hand-offs", "wins": "wins", "margin": "margin"}
MOST_ROWS = 12
"""Most rows of one table."""
LAST_MONTHS = 3
"""Months of targets shown."""


def tables(values: Values) -> Iterator[Table]:
    """Yield the tables: funnel, slices, rejections and targets; empty ones are left out."""
    yield _funnel(values["funnel"])
    for key in ("source", "owner", "segment", "band", "account_size", "month"):
        rows = values["by"][key]
        if rows:
            yield _slices(key, rows)
    if values["rejections"]["by_source"] and values["rejections"]["rejected"]:
        yield _rejections(values["rejections"]["by_source"])
    if values["targets"]:
        yield _targets(values["targets"])


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    return table


def _funnel(funnel: Values) -> Table:
    table = _table("funnel", ("leads", "of the stage before", "of all leads", "so far"))
    for row in funnel["stages"]:
        if row["leads"] is None:
            table.add_row(STAGES[row["stage"]], "–", "", "", "")
            continue
        shares = [_share(row[name]) for name in ("share_of_previous", "share_of_leads")]
        table.add_row(STAGES[row["stage"]], count(row["leads"]), *shares, count(row["so_far"]))
    unknown = [row for row in funnel["stages"] if row["leads"] is None]
    why = [f"{STAGES[row['stage']]} not known: {row['why_null']}" for row in unknown]
    table.caption, table.caption_justify = Text("\n".join(why)), "left"
    return table


def _slices(key: str, rows: Sequence[Values]) -> Table:
    names = ["handed off", "matured", "followed up", "won", "close rate", "of all"]
    owner = key == "owner"
    table = _table(
        f"by {key.replace('_', ' ')}", [*names, *(["shrunken", "beside the team"] * owner)]
    )
    shown = rows[-MOST_ROWS:] if key == "month" else rows[:MOST_ROWS]
    for row in shown:
        rates = [_share(row["close_rate"][name]["value"]) for name in ("followed_up", "handed_off")]
        counts = [count(row[name]) for name in ("handed_off", "matured", "followed_up", "won")]
        drawn = _drawn(row) if owner else []
        table.add_row(Text(str(row[key] or "not recorded")), *counts, *rates, *drawn)
    if len(shown) < len(rows):
        table.caption = f"{len(rows) - len(shown)} more on the page"
        table.caption_justify = "left"
    return table


def _drawn(row: Values) -> list[str]:
    """Return the rate drawn to the team's, and whether it lies beside the team's or with it."""
    found = row.get("shrunken")
    if not found:
        return ["–", "–"]
    return [percent(found["value"]), row["told"].split(" ", 1)[0]]


def _rejections(rows: Sequence[Values]) -> Table:
    table = _table("rejected by sales", ("rejected", "of", "share", "most often"))
    for row in rows[:MOST_ROWS]:
        reason = "–" if row["top_reason"] is None else row["top_reason"].replace("_", " ")
        counts = (count(row["rejected"]), count(row["of"]), percent(row["share"]), Text(reason))
        table.add_row(Text(str(row["source"] or "not recorded")), *counts)
    return table


def _targets(rows: Sequence[Values]) -> Table:
    table = _table("targets", ("month", "target", "so far", "share", "on track"))
    months = sorted({row["month"] for row in rows})[-LAST_MONTHS:]
    for row in rows:
        if row["month"] in months:
            actual = "–" if row["actual"] is None else money(row["actual"])
            on_track = {None: "–", True: "yes", False: "no"}[row["on_track"]]
            figures = (row["month"], money(row["target"]), actual, _share(row["share"]), on_track)
            table.add_row(TARGETS[row["name"]], *figures)
    return table


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)

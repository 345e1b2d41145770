"""Rows of the report's tables that are put together from several places of report.json."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leadml.pages.strips import top_of

Payload = Mapping[str, Any]
Row = Mapping[str, Any]

SLICES = {
    "source": "Source",
    "owner": "Owner",
    "segment": "Segment",
    "band": "Band",
    "account_size": "Account size",
    "month": "Month of hand-off",
}
MOST_SHOWN = 12
"""Groups of a slice shown at once; the others are folded away."""
MOST_OF_TARGET = 1.5
"""Share of a target at which its bar is full: what lies far above it needs no exact length."""
ONE_LOOK = "valid for one look"
NONE_WORKED = "none of what has matured was followed up in time"


def standing_rows(r: Payload) -> list[dict[str, Any]]:
    """Return the close rates that tell where the agreement stands, that of the verdict first."""
    worked, every = r["close_rate"]["followed_up"], r["close_rate"]["handed_off"]
    by_counts = r["agreement"]["counts"] == "handed_off"
    all_won = None if r["won_after_late_follow_up"] else r["won"]  # their sum stands nowhere
    rows = [
        _row("Followed up in time", ONE_LOOK, worked, r["followed_up"], r["won"]),
        _row("All handed off, worked or not", ONE_LOOK, every, r["matured"], all_won),
    ]
    rows = rows[::-1] if by_counts else rows
    if not r["sequence"]:
        rows[0]["main"] = True
        return [*rows, *_apart(r)]
    beside = [rows[-1], *_apart(r)]
    if r["sequence"]["unit"] == "account":
        beside = [row | {"told": f"{row['told']}, counted in leads"} for row in beside]
    return [*_sequence_rows(r["sequence"]), *beside]


def _apart(r: Payload) -> list[dict[str, Any]]:
    """Return the hand-offs that count in no verdict: at random, or before the agreement."""
    found = []
    for key, label in (
        ("explored", "Handed off at random, to learn from"),
        ("before_agreement", "Handed off before the agreement"),
    ):
        group = r[key]
        if group:
            rate, won = group["close_rate"]["followed_up"], group["won"]
            row = _row(label, "no part of the verdict", rate, group["followed_up"], won)
            found.append(row | {"late": group["won_after_late_follow_up"]})
    return found


def _sequence_rows(s: Payload) -> list[dict[str, Any]]:
    last = s["path"][-1] if s["path"] else {"units": None, "won": None}
    counted, year = (last["units"], last["won"]), s["last_12_months"]
    running = {key: s[key] for key in ("value", "low", "high")}
    fixed = {"value": s["value"]} | s["fixed"]
    if s["matured"]:
        running, fixed = running | {"reason": NONE_WORKED}, fixed | {"reason": NONE_WORKED}
    one = "company" if s["unit"] == "account" else "lead"
    lost = f"If every {one} not worked as agreed were lost"
    return [
        _row("The verdict’s rate", "valid at every look", running, *counted) | {"main": True},
        _row("The same, looked at only once", "for comparison", fixed, *counted),
        *_without_record(s),
        _row("The last twelve months", ONE_LOOK, year, year["units"], year["won"]),
        _row(lost, "valid at every look", s["if_unworked_were_lost"]),
    ]


def _without_record(s: Payload) -> list[dict[str, Any]]:
    """Return the rate without wins that prove their own follow-up, where there are any."""
    rate = s["recorded_only"]
    if not s["won_without_follow_up"]:
        return []
    label = "Without wins that have no recorded follow-up"
    told = "valid at every look; the verdict has to hold for both"
    return [_row(label, told, rate, rate["units"], rate["won"])]


def _row(
    label: str, told: str, rate: Row, units: int | None = None, won: int | None = None
) -> dict[str, Any]:
    reason = rate.get("reason") or "nothing has matured yet"
    cells = {"label": label, "told": told, "rate": rate, "units": units, "won": won}
    known = rate["value"] is not None
    return cells | {"main": False, "late": 0, "reason": reason, "known": known}


def slice_groups(r: Payload) -> list[dict[str, Any]]:
    """Arrange every slice: what is seen at once, what is folded away, and the drawings' scale."""
    counts = r["agreement"]["counts"]
    groups = []
    for key, title in SLICES.items():
        rows = r["by"][key]
        shrunken = any(row.get("shrunken") for row in rows)
        drawn = _drawn(counts, shrunken=shrunken)
        folded = key == "month"
        groups.append(
            {
                "key": key,
                "title": title,
                "rows": rows,
                "shown": [] if folded else rows[:MOST_SHOWN],
                "folded": rows if folded else rows[MOST_SHOWN:],
                "shrunken": shrunken,
                "drawn": drawn,
                "top": top_of([drawn(row) for row in rows], r["target"]),
            }
        )
    return groups


def _drawn(counts: str, *, shrunken: bool) -> Callable[[Row], Row]:
    def drawn(row: Row) -> Row:
        rate: Row = row["close_rate"][counts]
        return (row.get("shrunken") or rate) if shrunken else rate

    return drawn


def not_sliced(groups: Sequence[Mapping[str, Any]]) -> str:
    """Return the names of the slices without any group, as a list in words."""
    names = [SLICES[group["key"]].lower() for group in groups if not group["rows"]]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def month_ends(path: Sequence[Row]) -> list[Row]:
    """Return the last point of every month of a running rate, oldest first."""
    last = {str(row["at"])[:7]: row for row in path}
    return list(last.values())


def shifted(months: Sequence[Row], days: float) -> list[dict[str, Any]]:
    """Return months with ``at``: when hand-offs of their middle had matured (ISO, UTC)."""
    middle = [
        datetime.fromisoformat(f"{row['month']}-15").replace(tzinfo=UTC) + timedelta(days=days)
        for row in months
        if row["month"]
    ]
    named = [row for row in months if row["month"]]
    return [dict(row) | {"at": at.isoformat()} for row, at in zip(named, middle, strict=True)]


def target_table(rows: Sequence[Row]) -> dict[str, Any]:
    """Arrange monthly targets as one row a month, the newest first, and one column a target."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    months: dict[str, dict[str, Any]] = {}
    for row in rows:
        empty: dict[str, Any] = {"month": row["month"]} | dict.fromkeys(names)
        months.setdefault(row["month"], empty)[row["name"]] = row
    running = [row for row in rows if 0 < row["elapsed"] < 1]
    return {
        "names": names,
        "months": list(months.values())[::-1],
        "most": min(MOST_OF_TARGET, max([1.0, *(row["share"] or 0.0 for row in rows)])),
        "elapsed": running[-1]["elapsed"] if running else None,
    }

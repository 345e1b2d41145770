"""`leadml score --by account`: one row an account, from the scores of its leads."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leadml.errors import ConfigError, DataError
from leadml.model.accounts import AccountLine, Grouped, grouped
from leadml.model.scorecard import probability
from leadml.settings import Settings
from leadml.workflows.score import BANDS
from leadml.workflows.to_score import ToScore, read_to_score, refuse_output, write_result

if TYPE_CHECKING:
    from leadml.workflows.material import Source

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]
Progress = Callable[[str, float], None]

SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("probability", pa.float64()),
        ("grade", pa.string()),
        ("sales_ready", pa.bool_()),
        ("leads", pa.int64()),
        ("people", pa.string()),
        ("expected_margin", pa.float64()),
        ("expected_margin_low", pa.float64()),
        ("expected_margin_high", pa.float64()),
        ("reasons", pa.string()),
        ("errors", pa.int64()),
        ("model_version", pa.string()),
        ("scored_at", pa.string()),
    ]
)
"""Columns of the output."""
NESTED = ("people", "reasons")
"""Columns that hold JSON."""
EXPLAINED = 3
"""Most leads of an account whose reasons are its reasons."""
MOST_REASONS = 5
"""Most reasons of an account."""


@dataclass(frozen=True)
class AccountScoring:
    """What scoring by account found; its rows are in `table`.

    Attributes
    ----------
    output : Path or None
        Where it was written.
    accounts, leads, sales_ready, errors : int
        Rows; leads read; accounts with a lead that is handed off; leads that could not be scored.
    without_account : int
        Leads without an account (or of one of more than 200 leads): each is a row of its own.
    grades : dict
        Grade -> accounts.
    cuts : dict
        Grade -> least probability; D has none.
    basis : {"calibrated", "product"}
        What the accounts' probabilities rest on.
    by_size : list of dict
        How they held in training, by account size.
    model_version : str
    table : pyarrow.Table
        The rows, the highest probability first.
    warnings : tuple of str
    """

    output: Path | None
    accounts: int
    leads: int
    sales_ready: int
    errors: int
    without_account: int
    grades: dict[str, int]
    cuts: dict[str, float]
    basis: str
    by_size: list[dict[str, Any]]
    model_version: str
    table: pa.Table
    warnings: tuple[str, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The accounts, JSON-ready."""
        return [
            {key: json.loads(value) if key in NESTED else value for key, value in row.items()}
            for row in self.table.to_pylist()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form, with the rows where they were not written to a file."""
        told = {key: value for key, value in vars(self).items() if key != "table"}
        told |= {
            "output": None if self.output is None else str(self.output),
            "warnings": list(self.warnings),
        }
        return told | ({"rows": self.rows} if self.output is None else {})


def score_accounts(
    leads: "Source",
    output: Path | str | None = None,
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    model: str = "champion",
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    strict: bool = False,
    progress: Progress = lambda _step, _share: None,
) -> AccountScoring:
    """Score the leads of an export and gather them by account, the likeliest account first.

    A lead without an account stands for itself, in a row with an empty `account`; so does a lead of
    an account of more than 200 leads, which is no company.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
    output : path, optional
        ``.csv``, ``.parquet`` or ``.jsonl``; written in one step at the end.
    model : str
        ``champion``, ``challenger`` or a version number.
    as_of : str or datetime, optional
        The moment every lead is judged; default its hand-off time, else now.
    strict : bool
        Stop at the first row that cannot be scored, writing nothing.

    Raises
    ------
    RowError
        With `strict`, at the first bad row.
    LeadmlError
        If no account is mapped, or the export, the model or the output cannot be used.
    """
    target = None if output is None else Path(output)
    if target is not None:
        refuse_output(target, (leads, activities, history))
    progress("reading", 0.0)
    given = read_to_score(
        leads,
        activities=activities,
        history=history,
        model=model,
        config=config,
        table=table,
        as_of=as_of,
    )
    place, names, alone = _places(given)
    scored = _scored(given, strict, progress)
    found = _gathered(given, scored, place, names, progress)
    if target is not None:
        progress("writing", 1.0)
        write_result(found, target, nested=NESTED)
    return _summary(given, found, target, int(alone.sum()), int((~scored.ok).sum()))


def _places(given: ToScore) -> tuple[Rows, list[str | None], NDArray[np.bool_]]:
    """Return each lead's row, each row's account, and which leads stand for themselves."""
    column = given.scorer.definition.leads.account
    if column is None:
        msg = (
            "--by account needs to know which leads belong together: map account under [leads] in "
            "leadml.toml and train again"
        )
        raise ConfigError(msg)
    leads = given.material.leads
    accounts = given.material.accounts
    texts = leads.texts("account")
    if accounts is None or texts is None:
        msg = (
            f"{leads.source} has no column {column!r}, which [leads].account names: --by account "
            "needs it"
        )
        raise DataError(msg)
    alone = accounts.of < 0
    own = np.where(alone, len(accounts.names) + np.arange(len(alone)), accounts.of)
    _, first, place = np.unique(own, return_index=True, return_inverse=True)
    names = [None if alone[row] else str(texts[row]).strip() for row in first.tolist()]
    return place.reshape(-1), names, alone


@dataclass(frozen=True)
class _Scored:
    """Scores of all leads; what a lead that could not be scored holds means nothing."""

    log_odds: Numbers
    sales_ready: NDArray[np.bool_]
    margins: NDArray[np.float64] | None
    ok: NDArray[np.bool_]


def _scored(given: ToScore, strict: bool, progress: Progress) -> _Scored:
    n = len(given.material.leads)
    log_odds, ok, ready = np.zeros(n), np.ones(n, bool), np.zeros(n, bool)
    margins = np.zeros((3, n))
    told = False
    for rows, _, scores in given.pieces(np.arange(n), explain=False, strict=strict):
        log_odds[rows], ready[rows] = scores.log_odds, scores.sales_ready
        ok[rows[list(scores.errors)]] = False
        if scores.margins is not None:
            told, margins[:, rows] = True, np.stack(scores.margins)
        progress("scoring", 0.5 * (int(rows[-1]) + 1) / n)
    return _Scored(log_odds, ready & ok, margins if told else None, ok)


def _gathered(
    given: ToScore,
    scored: _Scored,
    place: Rows,
    names: list[str | None],
    progress: Progress,
) -> pa.Table:
    """Return one row an account, the likeliest first; then by name and by the leads' order."""
    people = _people(given, scored, place)
    known = np.array([row for rows in people for row in rows], np.intp)
    of_known = np.repeat(np.arange(len(people)), [len(rows) for rows in people])
    present = np.unique(of_known)
    inside = np.searchsorted(present, of_known)
    found = grouped(scored.log_odds[known], inside, len(present))
    told = np.full(len(names), np.nan)
    told[present] = account_probability(given, found)
    likely = np.nan_to_num(told, nan=-1.0)
    order = sorted(
        range(len(names)), key=lambda a: (-likely[a], names[a] is None, names[a] or "", a)
    )
    reasons = _reasons(given, people, progress)
    return _table(given, scored, place, names, people, told, order, reasons)


def account_probability(given: ToScore, found: Grouped) -> Numbers:
    """Return the probability that at least one lead of each account becomes sales-ready."""
    line = AccountLine.from_manifest(given.scorer.manifest.get("accounts"))
    return line.probability(found)


def _people(given: ToScore, scored: _Scored, place: Rows) -> list[list[int]]:
    """Return the scored leads of each account, the likeliest first; an id counts once."""
    ids = given.material.leads.lead_id
    people: list[list[int]] = [[] for _ in range(int(place.max()) + 1 if len(place) else 0)]
    seen: set[tuple[int, str]] = set()
    for row in np.argsort(-scored.log_odds, kind="stable").tolist():
        key = (int(place[row]), str(ids[row]))
        if scored.ok[row] and key not in seen:
            seen.add(key)
            people[key[0]].append(row)
    return people


def _reasons(
    given: ToScore, people: Sequence[Sequence[int]], progress: Progress
) -> dict[int, list[dict[str, Any]]]:
    """Return the reasons of the most promising leads of every account, by row."""
    rows = np.array([row for each in people for row in each[:EXPLAINED]], np.intp)
    found: dict[int, list[dict[str, Any]]] = {}
    for piece, _, scores in given.pieces(np.sort(rows)):
        found |= dict(zip(piece.tolist(), scores.reasons, strict=True))
        progress("explaining", 0.5 + 0.5 * len(found) / len(rows))
    return found


def _why(
    rows: Sequence[int], ids: NDArray[np.object_], reasons: dict[int, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return the strongest reasons of an account's best leads, each feature once."""
    every = [
        {"lead_id": str(ids[row]), **reason} for row in rows[:EXPLAINED] for reason in reasons[row]
    ]
    every.sort(key=lambda reason: -abs(reason["effect"]))
    kept: dict[str, dict[str, Any]] = {}
    for reason in every:
        kept.setdefault(reason["feature"], reason)
    return list(kept.values())[:MOST_REASONS]


def _table(
    given: ToScore,
    scored: _Scored,
    place: Rows,
    names: list[str | None],
    people: list[list[int]],
    told: Numbers,
    order: list[int],
    reasons: dict[int, list[dict[str, Any]]],
) -> pa.Table:
    ids, p = given.material.leads.lead_id, probability(scored.log_odds)
    some = ~np.isnan(told)
    grades = given.scorer.bands(np.nan_to_num(told))
    failed = np.bincount(place[~scored.ok], minlength=len(names))
    sizes = np.bincount(place, minlength=len(names))
    margins = _margins(scored, people)
    rows = [
        {
            "account": names[a],
            "probability": float(told[a]) if some[a] else None,
            "grade": str(grades[a]) if some[a] else None,
            "sales_ready": bool(scored.sales_ready[people[a]].any()) if some[a] else None,
            "leads": int(sizes[a]),
            "people": _json(
                [{"lead_id": str(ids[r]), "probability": float(p[r])} for r in people[a]]
            ),
            **margins[a],
            "reasons": _json(_why(people[a], ids, reasons)),
            "errors": int(failed[a]),
            "model_version": given.scorer.version,
            "scored_at": given.now.isoformat(timespec="seconds"),
        }
        for a in order
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _margins(scored: _Scored, people: list[list[int]]) -> list[dict[str, float | None]]:
    """Add up expected margins: right for a sum, however the leads hang together."""
    names = ("expected_margin", "expected_margin_low", "expected_margin_high")
    if scored.margins is None:
        return [dict.fromkeys(names)] * len(people)
    return [
        dict(zip(names, scored.margins[:, rows].sum(axis=1).tolist(), strict=True))
        if rows
        else dict.fromkeys(names)
        for rows in people
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _summary(
    given: ToScore, found: pa.Table, target: Path | None, alone: int, errors: int
) -> AccountScoring:
    grades = found["grade"].to_pylist()
    told = given.scorer.manifest.get("accounts") or {}
    basis = told.get("basis") or "product"
    warnings = list(given.warnings)
    if basis == "product":
        why = told.get("why") or "this version learnt nothing of accounts"
        warnings.append(f"accounts are told by the plain product over their leads: {why}")
    return AccountScoring(
        output=target,
        accounts=len(found),
        leads=len(given.material.leads),
        sales_ready=sum(1 for ready in found["sales_ready"].to_pylist() if ready),
        errors=errors,
        without_account=alone,
        grades={band: grades.count(band) for band in BANDS},
        cuts=dict(given.scorer.manifest["bands"]),
        basis=basis,
        by_size=list(told.get("by_size") or ()),
        model_version=given.scorer.version,
        table=found,
        warnings=tuple(warnings),
    )

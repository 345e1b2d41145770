"""`leadml score`: every lead of a file through the one scoring path, in order, in pieces."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leadml.settings import Settings
from leadml.workflows.records import LeadBatch
from leadml.workflows.score import BANDS, STAGES, WORTH, Scorer, Scores
from leadml.workflows.to_score import (
    PIECE,
    error_text,
    read_to_score,
    refuse_output,
    write_result,
)

if TYPE_CHECKING:
    from leadml.workflows.material import Source

Progress = Callable[[str, float], None]

SCHEMA = pa.schema(
    [
        ("lead_id", pa.string()),
        ("probability", pa.float64()),
        ("sales_ready", pa.bool_()),
        ("basis", pa.string()),
        ("band", pa.string()),
        ("points", pa.float64()),
        ("points_ready", pa.bool_()),
        ("reasons", pa.string()),
        ("model_version", pa.string()),
        ("scored_at", pa.string()),
        ("probability_eventually", pa.float64()),
        ("stage", pa.string()),
        ("reasons_sum", pa.string()),
        ("expected_margin", pa.float64()),
        ("expected_margin_low", pa.float64()),
        ("expected_margin_high", pa.float64()),
        ("priority", pa.float64()),
        ("hand_off", pa.bool_()),
        ("explored", pa.bool_()),
        ("handoff_probability", pa.float64()),
        ("must_follow_up", pa.bool_()),
        ("cut", pa.float64()),
        ("error", pa.string()),
    ]
)
"""Columns of the output; ``error`` is left out where every lead could be scored."""
NESTED = ("reasons", "reasons_sum")
"""Columns that hold JSON."""


@dataclass(frozen=True)
class Scoring:
    """What a scoring run wrote.

    Attributes
    ----------
    output : Path
    leads, sales_ready, errors : int
        Rows written, of which at or above the cut, of which could not be scored.
    explored : int
        Below the cut and handed off at random.
    bands : dict
        Band -> leads.
    stages : dict
        Stage -> leads.
    eventually_days : float or None
        The longest horizon, of `probability_eventually`; None where the version does not tell.
    cuts : dict
        Band -> least probability; D has none.
    model_version, basis : str
    threshold : float or None
    warnings : tuple of str
    """

    output: Path
    leads: int
    sales_ready: int
    explored: int
    errors: int
    bands: dict[str, int]
    stages: dict[str, int]
    eventually_days: float | None
    cuts: dict[str, float]
    model_version: str
    basis: str
    threshold: float | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return vars(self) | {"output": str(self.output), "warnings": list(self.warnings)}


def score(
    leads: "Source",
    output: Path | str,
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    model: str = "champion",
    config: Path | str | Settings | None = None,
    table: str | None = None,
    as_of: str | datetime | None = None,
    strict: bool = False,
    progress: Progress = lambda _step, _share: None,
) -> Scoring:
    """Score every lead of an export and write one row each, in the export's order.

    Parameters
    ----------
    leads, activities, history : str, Path or pandas.DataFrame
    output : path
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
        If the export, the model or the output cannot be used.
    """
    target = Path(output)
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
    everyone = np.arange(len(given.material.leads))
    pieces = []
    for rows, batch, scores in given.pieces(everyone, strict=strict, most=PIECE):
        pieces.append(_written(given.scorer, batch, scores, given.now))
        progress("scoring", (int(rows[-1]) + 1) / len(everyone))
    found = pa.concat_tables(pieces) if pieces else _table({name: [] for name in SCHEMA.names})
    if found["error"].null_count == len(found):
        found = found.drop_columns(["error"])
    progress("writing", 1.0)
    write_result(found, target, nested=NESTED)
    return _summary(target, given.scorer, found, list(given.warnings))


def _written(scorer: Scorer, batch: LeadBatch, scores: Scores, now: datetime) -> pa.Table:
    n = len(batch)
    ok = np.ones(n, bool)
    ok[list(scores.errors)] = False
    error = [None] * n if ok.all() else [_told_all(scores.errors.get(row)) for row in range(n)]
    has_points = ok & ~np.isnan(scores.points) if scores.points is not None else np.zeros(n, bool)
    points = scores.points if scores.points is not None else np.zeros(n)
    ready = scores.points_ready if scores.points_ready is not None else np.zeros(n, bool)
    eventually = np.full(n, None) if scores.eventually is None else scores.eventually
    return _table(
        {
            "lead_id": [name or None for name in batch.lead_id],
            "probability": pa.array(scores.probability, mask=~ok),
            "sales_ready": pa.array(scores.sales_ready, mask=~ok),
            "basis": [scorer.basis] * n,
            "band": pa.array(scores.band.astype(object), pa.string(), mask=~ok),
            "points": pa.array(points, mask=~has_points),
            "points_ready": pa.array(ready, mask=~has_points),
            "reasons": _told_as_json(scores.reasons, ok),
            "model_version": [scorer.version] * n,
            "scored_at": [now.isoformat(timespec="seconds")] * n,
            "probability_eventually": pa.array(eventually, pa.float64(), mask=~ok),
            "stage": pa.array(np.array(scores.stage, object), pa.string(), mask=~ok),
            "reasons_sum": _told_as_json(scores.reasons_sum, ok),
            **_worth(scores, ok),
            **{k: pa.array(v, mask=~ok) for k, v in scores.handoffs.columns().items()},
            "cut": pa.array(scores.cut, mask=~ok | np.isnan(scores.cut)),
            "error": error,
        }
    )


def _told_as_json(told: Sequence[object], ok: NDArray[np.bool_]) -> list[str | None]:
    pairs = zip(told, ok.tolist(), strict=True)
    write = json.JSONEncoder(ensure_ascii=False).encode
    return [write(one) if good else None for one, good in pairs]


def _worth(scores: Scores, ok: NDArray[np.bool_]) -> dict[str, pa.Array]:
    columns = (*(scores.margins or (None, None, None)), scores.priority)
    nothing = np.full(len(ok), None)
    return {
        name: pa.array(nothing if values is None else values, pa.float64(), mask=~ok)
        for name, values in zip(WORTH, columns, strict=True)
    }


def _told_all(problems: list[tuple[str, str]] | None) -> str | None:
    return "; ".join(error_text(*problem) for problem in problems) if problems else None


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table(columns, schema=SCHEMA)


def _summary(target: Path, scorer: Scorer, found: pa.Table, warnings: list[str]) -> Scoring:
    bands, stages = found["band"].to_pylist(), found["stage"].to_pylist()
    beyond = scorer.bundle.eventually
    cuts = scorer.manifest["bands"]
    return Scoring(
        output=target,
        leads=len(found),
        sales_ready=sum(1 for ready in found["sales_ready"].to_pylist() if ready),
        explored=sum(1 for drawn in found["explored"].to_pylist() if drawn),
        errors=found["probability"].null_count,
        bands={band: bands.count(band) for band in BANDS},
        stages={stage: stages.count(stage) for stage in STAGES},
        eventually_days=None if beyond is None else beyond.horizon_days,
        cuts=dict(cuts),
        model_version=scorer.version,
        basis=scorer.basis,
        threshold=scorer.manifest["threshold"]["probability"],
        warnings=tuple(warnings),
    )

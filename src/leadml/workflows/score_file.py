"""`leadml score`: every lead of a file through the one scoring path, in order, in pieces."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from leadml.data.values import NO_TIME, microseconds
from leadml.data.writing import write_whole
from leadml.errors import ConfigError, RowError
from leadml.settings import Settings, load_settings
from leadml.workflows.material import Material, batch_of, gather, moments_to_score, read_as_of
from leadml.workflows.records import LATER, LeadBatch
from leadml.workflows.score import BANDS, STAGES, WORTH, Scorer, Scores, load_scorer

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
PIECE = 20_000
"""Leads scored and written at a time."""


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
        ``.csv`` or ``.parquet``; written in one step at the end.
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
    settings = load_settings(config)
    target = Path(output)
    _refuse_output(target, (leads, activities, history))
    scorer = load_scorer(model, config=settings)
    now = datetime.now(UTC)
    progress("reading", 0.0)
    material = gather(
        leads,
        definition=scorer.definition,
        root=settings.root,
        activities=activities,
        history=history,
        table=table,
        as_of=as_of,
        labelled=False,
    )
    fixed = read_as_of(as_of, scorer.definition.leads.timezone)
    moments = moments_to_score(material.leads, microseconds(fixed or now), fixed=fixed is not None)
    pieces = []
    for start in range(0, len(material.leads), PIECE):
        rows = np.arange(start, min(start + PIECE, len(material.leads)))
        batch = batch_of(material, rows, moments[rows], errors=_errors(material, rows, moments))
        scores = scorer.score_batch(batch)
        if strict and scores.errors:
            _stop(scores, rows, material)
        pieces.append(_written(scorer, batch, scores, now))
        progress("scoring", (start + len(rows)) / len(material.leads))
    found = pa.concat_tables(pieces) if pieces else _table({name: [] for name in SCHEMA.names})
    if found["error"].null_count == len(found):
        found = found.drop_columns(["error"])
    progress("writing", 1.0)
    write_whole(target, lambda part: _write(found, part, target.suffix))
    warnings = _warnings(material, scorer, settings, with_activities=activities is not None)
    return _summary(target, scorer, found, warnings)


def _refuse_output(target: Path, sources: "tuple[Source | None, ...]") -> None:
    if target.suffix not in (".csv", ".parquet"):
        msg = f"--output {target}: expected a name ending in .csv or .parquet"
        raise ConfigError(msg)
    read = [Path(source) for source in sources if isinstance(source, (str, Path))]
    if target.resolve() in [path.resolve() for path in read]:
        msg = f"--output {target} is the very file that is read: name another"
        raise ConfigError(msg)


def _errors(
    material: Material, rows: NDArray[np.intp], moments: NDArray[np.int64]
) -> dict[int, list[tuple[str, str]]]:
    leads, first = material.leads, int(rows[0])
    inside = range(first, first + len(rows))
    errors = {r - first: [("row", leads.errors[r])] for r in inside if r in leads.errors}
    if "created_at" in leads.times:
        created = leads.times["created_at"].astype("datetime64[us]").view("i8")[rows]
        for row in np.flatnonzero((created != NO_TIME) & (created > moments[rows])):
            problem = (str(leads.mapping.created_at), LATER)
            errors.setdefault(int(row), []).append(problem)
    return errors


def _stop(scores: Scores, rows: NDArray[np.intp], material: Material) -> None:
    row = min(scores.errors)
    column, why = scores.errors[row][0]
    where = material.leads.places.name(int(rows[row]))
    msg = (
        f"{material.leads.source}, {where}: {_told(column, why)}; correct it or leave out --strict"
    )
    raise RowError(msg)


def _told(column: str, why: str) -> str:
    return why if column == "row" else f"{column}: {why}"


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
    return [json.dumps(one, ensure_ascii=False) if good else None for one, good in pairs]


def _worth(scores: Scores, ok: NDArray[np.bool_]) -> dict[str, pa.Array]:
    columns = (*(scores.margins or (None, None, None)), scores.priority)
    nothing = np.full(len(ok), None)
    return {
        name: pa.array(nothing if values is None else values, pa.float64(), mask=~ok)
        for name, values in zip(WORTH, columns, strict=True)
    }


def _told_all(problems: list[tuple[str, str]] | None) -> str | None:
    return "; ".join(_told(*problem) for problem in problems) if problems else None


def _table(columns: dict[str, Any]) -> pa.Table:
    return pa.table(columns, schema=SCHEMA)


def _write(found: pa.Table, part: Path, suffix: str) -> None:
    if suffix == ".parquet":
        parquet.write_table(found, part)
    else:
        csv.write_csv(found, part)


def _warnings(
    material: Material, scorer: Scorer, settings: Settings, *, with_activities: bool
) -> list[str]:
    warnings = []
    absent = sorted(set(scorer.bundle.features.columns) - set(material.leads.frame.columns))
    if absent:
        warnings.append(f"columns absent, read as missing: {', '.join(absent)}")
    if scorer.bundle.features.reads_activities and not with_activities:
        warnings.append("the model reads activities and none were given: read as unknown")
    elif scorer.bundle.features.reads_colleagues and material.colleagues is None:
        account = scorer.definition.leads.account
        warnings.append(f"what colleagues did is read as unknown: there is no column {account}")
    if scorer.not_exploring is not None:
        warnings.append(scorer.not_exploring)
    if scorer.definition != settings.definition:
        warnings.append(
            f"leadml.toml differs from what version {scorer.version} was trained under: scoring "
            "uses the version's; train again to use the new"
        )
    return warnings


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

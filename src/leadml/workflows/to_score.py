"""An export that is to be scored: read once, then scored piece by piece in any order."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
from leadml.workflows.score import Scorer, Scores, load_scorer

if TYPE_CHECKING:
    from leadml.workflows.material import Source

Rows = NDArray[np.intp]

PIECE = 20_000
"""Leads scored and written at a time."""
SUFFIXES = (".csv", ".parquet", ".jsonl")
"""What results can be written as."""


@dataclass(frozen=True)
class ToScore:
    """An export read under a version's definition.

    Attributes
    ----------
    settings : Settings
    scorer : Scorer
    material : Material
    moments : int64 array, shape (leads,)
        When each lead is judged, microseconds UTC.
    now : datetime
        When it is scored.
    warnings : tuple of str
    """

    settings: Settings
    scorer: Scorer
    material: Material
    moments: NDArray[np.int64]
    now: datetime
    warnings: tuple[str, ...]

    def pieces(
        self, rows: Rows, *, explain: bool = True, strict: bool = False, most: int = PIECE
    ) -> Iterator[tuple[Rows, LeadBatch, Scores]]:
        """Score the leads at `rows`, at most so many at a time, in this order.

        Raises
        ------
        RowError
            With `strict`, at the first row that cannot be scored.
        """
        for start in range(0, len(rows), most):
            piece = rows[start : start + most]
            errors = _errors(self.material, piece, self.moments[piece])
            batch = batch_of(self.material, piece, self.moments[piece], errors=errors)
            scores = self.scorer.score_batch(batch, explain=explain)
            if strict and scores.errors:
                _stop(scores, piece, self.material)
            yield piece, batch, scores


def read_to_score(
    leads: "Source",
    *,
    activities: "Source | None",
    history: "Source | None",
    model: str,
    config: Path | str | Settings | None,
    table: str | None,
    as_of: str | datetime | None,
) -> ToScore:
    """Read an export and the version that is to score it; see `leadml.score`."""
    settings = load_settings(config)
    scorer = load_scorer(model, config=settings)
    now = datetime.now(UTC)
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
    warnings = _warnings(material, scorer, settings, with_activities=activities is not None)
    return ToScore(settings, scorer, material, moments, now, tuple(warnings))


def refuse_output(target: Path, sources: "tuple[Source | None, ...]") -> None:
    """Make sure that results can be written to a file, and not over one that is read.

    Raises
    ------
    ConfigError
    """
    if target.suffix not in SUFFIXES:
        expected = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        msg = f"--output {target}: expected a name ending in {expected}"
        raise ConfigError(msg)
    read = [Path(source) for source in sources if isinstance(source, (str, Path))]
    if target.resolve() in [path.resolve() for path in read]:
        msg = f"--output {target} is the very file that is read: name another"
        raise ConfigError(msg)


def write_result(found: pa.Table, target: Path, *, nested: Collection[str]) -> None:
    """Write a result in one step, as the name ends.

    Parameters
    ----------
    found : Table
    nested : collection of str
        Columns that hold JSON as text: in ``.jsonl`` they become what they say.
    """
    write_whole(target, lambda part: _write(found, part, target.suffix, nested))


def _write(found: pa.Table, part: Path, suffix: str, nested: Collection[str]) -> None:
    if suffix == ".parquet":
        parquet.write_table(found, part)
    elif suffix == ".csv":
        csv.write_csv(found, part)
    else:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for batch in found.to_batches(max_chunksize=PIECE):
                file.writelines(_line(row, nested) for row in batch.to_pylist())


def _line(row: dict[str, object], nested: Collection[str]) -> str:
    told = {key: _nested(value) if key in nested else value for key, value in row.items()}
    return json.dumps(told, ensure_ascii=False, allow_nan=False) + "\n"


def _nested(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _errors(
    material: Material, rows: Rows, moments: NDArray[np.int64]
) -> dict[int, list[tuple[str, str]]]:
    leads, errors = material.leads, dict[int, list[tuple[str, str]]]()
    if leads.errors:
        for place in np.flatnonzero(np.isin(rows, list(leads.errors))).tolist():
            errors[place] = [("row", leads.errors[int(rows[place])])]
    if "created_at" in leads.times:
        created = leads.times["created_at"].astype("datetime64[us]").view("i8")[rows]
        for place in np.flatnonzero((created != NO_TIME) & (created > moments)).tolist():
            problem = (str(leads.mapping.created_at), LATER)
            errors.setdefault(place, []).append(problem)
    return errors


def _stop(scores: Scores, rows: Rows, material: Material) -> None:
    row = min(scores.errors)
    column, why = scores.errors[row][0]
    where = material.leads.places.name(int(rows[row]))
    msg = (
        f"{material.leads.source}, {where}: {error_text(column, why)}; correct it or leave out "
        "--strict"
    )
    raise RowError(msg)


def error_text(column: str, why: str) -> str:
    """Say why a row cannot be scored."""
    return why if column == "row" else f"{column}: {why}"


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

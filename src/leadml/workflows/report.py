"""`leadml report`: the close rate of handed-off leads, held against the agreement."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml import __version__
from leadml.domain.agreement import Agreement
from leadml.domain.finding import ExcludedRows
from leadml.errors import ConfigError
from leadml.evaluation.follow_up import Handoffs, by_slice, follow_up, promise_verdict
from leadml.pages.html import write_pages
from leadml.pages.report_page import report_page
from leadml.settings import Settings, load_settings
from leadml.snapshot.labels import UNUSABLE, WHY_NOT, Judged
from leadml.workflows.material import Material, gather
from leadml.workflows.months import months_of
from leadml.workflows.score import iso

if TYPE_CHECKING:
    from leadml.workflows.material import Source

FOLDER = "report"
BEFORE_AGREEMENT = "ROW011"
EXPLORED = "ROW015"


@dataclass(frozen=True)
class Report:
    """The report's values, and where they were written.

    Attributes
    ----------
    values : dict
        What report.json holds.
    page, data : Path
        The page and the JSON file.
    """

    values: dict[str, Any]
    page: Path
    data: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form."""
        return self.values


def report(
    leads: "Source",
    *,
    config: Path | str | Settings | None = None,
    output: Path | str | None = None,
    as_of: str | datetime | None = None,
    table: str | None = None,
    progress: Callable[[str, float], None] = lambda _step, _share: None,
) -> Report:
    """Hold the leads that marketing handed to sales against the agreed close rate.

    Parameters
    ----------
    leads : str, Path or pandas.DataFrame
        Export with hand-off times and outcomes; a SQL URL needs `table`.
    config : path or Settings, optional
        Default ``./leadml.toml``.
    output : path, optional
        Folder for report.json and report.html; default ``report/`` beside the configuration.
    as_of : str or datetime, optional
        What counts as now; default the latest mapped time.
    progress : callable
        Told what is being done and the share done.

    Raises
    ------
    LeadmlError
        If the export cannot be used or no hand-off time is mapped.
    """
    settings = load_settings(config)
    definition = settings.definition
    if definition.leads.handed_off_at is None:
        msg = (
            f"[leads].handed_off_at is not set in {settings.path or 'the settings'}: name the "
            "column that holds when marketing passed a lead to sales: the report judges hand-offs"
        )
        raise ConfigError(msg)
    progress("reading", 0.0)
    material = gather(
        leads, definition=definition, root=settings.root, table=table, as_of=as_of, labelled=True
    )
    progress("judging", 0.6)
    values = _values(material, material.judge(settings), definition.agreement)
    progress("drawing", 0.8)
    folder = Path(output) if output is not None else settings.root / FOLDER
    page, data = write_pages(folder, "report", values, report_page(values))
    progress("done", 1.0)
    return Report(values, page, data)


def _values(material: Material, judged: Judged, agreement: Agreement) -> dict[str, Any]:
    early = _before_agreement(material, agreement)
    unusable = np.isin(judged.why_not.astype(str), UNUSABLE)
    explored = _explored(material)
    every = judged.handed_off & ~unusable & ~early
    counted = every & ~explored
    handoffs = Handoffs(
        handed_off=counted,
        matured=counted & judged.horizon_passed,
        followed_up=judged.followed_up,
        won=judged.won,
    )
    result = follow_up(handoffs, confidence=agreement.confidence)
    drawn = replace(
        handoffs, handed_off=every & explored, matured=every & explored & judged.horizon_passed
    )
    verdict = promise_verdict(
        result,
        counts=agreement.counts,
        rate=agreement.close_rate,
        min_follow_up=agreement.min_follow_up,
    )
    mapping = material.leads.mapping
    now = material.now
    return result.to_dict() | {
        "target": agreement.close_rate,
        "confidence": agreement.confidence,
        "verdict": verdict,
        "by": _slices(material, handoffs, agreement),
        "explored": follow_up(drawn, confidence=agreement.confidence).to_dict()
        if drawn.handed_off.any()
        else None,
        "agreement": agreement.to_dict() | {"hash": agreement.hash()},
        "as_of": None if now is None else iso(int(now.astype("datetime64[us]").view("i8"))),
        "closed_in_bulk": int((handoffs.matured & judged.closed_in_bulk).sum()),
        "follow_up_recorded": mapping.followed_up_at is not None,
        "margin_checked": material.leads.margin is not None and agreement.min_margin > 0,
        "excluded_rows": [vars(row) for row in _excluded(judged, handoffs, early, explored)],
        "notes": [note.to_dict() for note in (*material.leads.findings, *judged.notes)],
        "leadml": __version__,
    }


def _before_agreement(material: Material, agreement: Agreement) -> NDArray[np.bool_]:
    """Tell which leads were handed off before the agreement took effect (00:00 in the zone)."""
    handed_off = material.leads.times["handed_off_at"]
    if agreement.effective_from is None:
        return np.zeros(len(handed_off), bool)
    zone = ZoneInfo(material.leads.mapping.timezone)
    start = pd.Timestamp(datetime.combine(agreement.effective_from, time(), zone))
    return np.asarray(handed_off < start.tz_convert("UTC").tz_localize(None).to_datetime64())


def _slices(
    material: Material, handoffs: Handoffs, agreement: Agreement
) -> dict[str, list[dict[str, Any]]]:
    sliced: dict[str, list[dict[str, Any]]] = {}
    for key in ("source", "owner"):
        names = material.leads.texts(key)
        sliced[key] = (
            []
            if names is None
            else by_slice(handoffs, names, key=key, confidence=agreement.confidence)
        )
    months = months_of(material.leads.times["handed_off_at"], material.leads.mapping.timezone)
    sliced["month"] = by_slice(
        handoffs, months, key="month", confidence=agreement.confidence, by_name=True
    )
    return sliced


def _explored(material: Material) -> NDArray[np.bool_]:
    """Tell which leads were handed off at random: no promise is judged by them."""
    found = material.leads.exploration
    return np.zeros(len(material.leads), bool) if found is None else found.explored


def _excluded(
    judged: Judged, handoffs: Handoffs, early: NDArray[np.bool_], explored: NDArray[np.bool_]
) -> list[ExcludedRows]:
    unusable = np.where(np.isin(judged.why_not.astype(str), UNUSABLE), judged.why_not, "")
    reasons = {code: unusable == code for code in UNUSABLE}
    rest = unusable == ""
    reasons["ROW006"] = rest & ~judged.handed_off
    reasons[BEFORE_AGREEMENT] = rest & judged.handed_off & early
    reasons[EXPLORED] = rest & judged.handed_off & ~early & explored
    reasons["ROW005"] = handoffs.handed_off & ~handoffs.matured
    words = WHY_NOT | {
        BEFORE_AGREEMENT: "handed off before the agreement took effect",
        EXPLORED: "handed off at random to learn from: no promise is judged by them, shown apart",
    }
    return [
        ExcludedRows(code, int(rows.sum()), words[code])
        for code, rows in reasons.items()
        if rows.any()
    ]

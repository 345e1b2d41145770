"""The demo's ledger: what the service and the CRM would have told it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadml.data.leads import Leads, read_leads
from leadml.data.rejection_words import RejectionWords
from leadml.data.tables import read_table
from leadml.domain.event import Event
from leadml.settings import load_settings
from leadml.store.ledger import Ledger
from leadml.workflows.export_words import ExportWords
from leadml.workflows.ledger import open_ledger
from leadml.workflows.ledger_import import Imported, aware, import_export

_TOLD = (
    "probability", "points", "sales_ready", "hand_off", "explored", "handoff_probability", "cut",
    "band", "priority", "expected_margin", "reasons",
)  # fmt: skip


def fill_ledger(
    newer: Path,
    scores: Path,
    *,
    config: Path,
    progress: Callable[[str, float], None],
) -> Imported:
    """Record every score in a new ledger, dated when its lead was judged, then import the export.

    Parameters
    ----------
    newer, scores : Path
        The export, and the file that `leadml score` made of it.
    """
    settings = load_settings(config)
    mapping = settings.definition.leads
    leads = read_leads(read_table(newer), mapping, required={*mapping.named_columns, "outcome"})
    with open_ledger(settings) as ledger:
        agreement = settings.definition.agreement.hash()
        ledger.record(list(_scored(leads, _rows(scores), agreement, ledger)))
    return import_export(newer, config=settings, progress=progress)


def remove_ledger(folder: Path) -> None:
    """Remove the last demo's ledger: another seed's leads have the same names."""
    for name in ("leadml.db", "leadml.db-wal", "leadml.db-shm"):
        (folder / name).unlink(missing_ok=True)


def _rows(scores: Path) -> list[dict[str, Any]]:
    """Return the scores as they were answered, reasons among them; empty cells left out."""
    table = pd.read_csv(scores, dtype={"lead_id": str, "model_version": str})
    told = [
        {str(name): value for name, value in row.items() if not pd.isna(value)}
        for row in table[["model_version", *_TOLD]].astype(object).to_dict("records")
    ]
    return [
        row | {"reasons": json.loads(row["reasons"])} if "reasons" in row else row for row in told
    ]


def _scored(
    leads: Leads, rows: list[dict[str, Any]], agreement: str, ledger: Ledger
) -> Iterator[Event]:
    """Yield each score, dated at the hand-off, or else at the end of the export."""
    end = aware(leads.latest_time())
    assert end is not None  # noqa: S101 - a simulated export has times  # nosec B101
    words = ExportWords(leads, RejectionWords(ledger.reasons)).read(np.arange(len(leads)))
    for word, row in zip(words, rows, strict=True):
        yield Event(
            event="scored",
            lead=word.lead,
            happened_at=word.times["handed_off"] or end,
            account=word.account,
            owner=word.owner,
            model_version=row.pop("model_version"),
            agreement_hash=agreement,
            detail=row | {"attributes": word.attributes},
        )

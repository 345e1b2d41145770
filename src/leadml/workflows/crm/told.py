"""What a CRM tells of its leads, held against the ledger: the same reading as of an export."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from leadml.data.leads import read_leads
from leadml.data.tables import table_of
from leadml.settings import Settings
from leadml.store.ledger import Ledger
from leadml.workflows.crm.connector import CrmLead
from leadml.workflows.ledger_import import (
    FORGOTTEN,
    REPEATED,
    UNUSABLE,
    Imported,
    record_leads,
    shown,
)

_OURS = ("probability", "band", "points", "explored", "handoff_probability")
"""What the CRM may hold of a score: here it is leadml's own, recorded when it was given."""


@dataclass(frozen=True)
class Told:
    """What became of some leads, by their positions.

    Attributes
    ----------
    by_event : dict of str to int
        Events recorded by kind.
    problems : dict of int to (str, str)
        Code, and what could not be used.
    closed : set of int
        Won or lost.
    forgotten : set of int
        Erased on request.
    unusable : set of int
        Without an id, with one that others have, or with a deciding time that cannot be read.
    """

    by_event: dict[str, int]
    problems: dict[int, tuple[str, str]]
    closed: set[int]
    forgotten: set[int]
    unusable: set[int]


def record_told(
    given: Sequence[CrmLead], settings: Settings, ledger: Ledger, *, now: datetime, dry_run: bool
) -> Told:
    """Record what is new in leads that a CRM gave, by the mapping of the configuration.

    Parameters
    ----------
    given : sequence of CrmLead
        At least one.
    now : datetime
        When the CRM was asked, aware.
    """
    mapping = replace(settings.definition.leads, **dict.fromkeys(_OURS))  # type: ignore[arg-type]
    names = list(dict.fromkeys(name for lead in given for name in lead.columns))
    rows = [[lead.columns.get(name) for name in names] for lead in given]
    frame = pd.DataFrame(rows, columns=pd.Index(names), dtype=object)
    leads = read_leads(table_of(frame, "the CRM"), mapping, required=())
    done = Imported("the CRM", shown(settings), dry_run)
    problems = record_leads(leads, ledger, done, now=now)
    of_code = {
        code: {row for row, (found, _) in problems.items() if found == code}
        for code in (FORGOTTEN, UNUSABLE, REPEATED)
    }
    assert leads.outcome is not None  # noqa: S101 - the mapping was looked at before  # nosec B101
    return Told(
        by_event={kind: number for kind, number in done.by_event.items() if kind != "scored"},
        problems=problems,
        closed=set(np.flatnonzero(leads.outcome >= 0).tolist()),
        forgotten=of_code[FORGOTTEN],
        unusable=of_code[UNUSABLE] | of_code[REPEATED],
    )

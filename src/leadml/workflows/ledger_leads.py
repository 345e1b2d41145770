"""The ledger as a table of leads: what the report reads, as it would read an export."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leadml.data.values import NO_TIME
from leadml.domain.definition import Definition
from leadml.domain.mapping import LeadMapping
from leadml.store.event_columns import event_columns
from leadml.store.ledger import Ledger
from leadml.workflows.collecting import not_collecting
from leadml.workflows.lead_table import COLUMNS, TIMES, lead_table

LEDGER_MAPPING = LeadMapping(
    id="lead",
    outcome="outcome",
    won=("won",),
    lost=("lost",),
    created_at="created_at",
    qualified_at="qualified_at",
    handed_off_at="handed_off_at",
    accepted_at="accepted_at",
    rejected_at="rejected_at",
    rejection_reason="rejection_reason",
    followed_up_at="followed_up_at",
    closed_at="closed_at",
    outcome_recorded_at="outcome_recorded_at",
    account="account",
    owner="owner",
    source="source",
    industry="industry",
    segment="segment",
    account_size="account_size",
    amount="amount",
    margin_amount="margin_amount",
    points="points",
    explored="explored",
    handoff_probability="handoff_probability",
    probability="probability",
    band="band",
    missing=(),
)
"""The columns of the ledger's table in leadml's terms."""

_ALWAYS = ("id", "outcome", "created_at", "handed_off_at", "closed_at", "explored",
           "handoff_probability", "outcome_recorded_at")  # fmt: skip


def ledger_leads(ledger: Ledger, *, horizon: timedelta | None = None) -> pd.DataFrame:
    """Return every lead of the ledger as one row, in the order of their ids.

    Parameters
    ----------
    horizon : timedelta, optional
        What was won within it of the hand-off stays won; see `leadml.domain.lead_state.state_of`.

    Returns
    -------
    leads : DataFrame
        `leadml.workflows.lead_table.COLUMNS`: who the lead is, what became of it and when (ISO
        8601 in UTC), its last score before the hand-off, and its state; empty where not known.
    """
    with not_collecting():
        parts = [lead_table(columns, horizon=horizon) for columns in event_columns(ledger)]
    if not parts:
        return pd.DataFrame({name: [] for name in COLUMNS}, dtype=object)
    table = pd.concat(parts, ignore_index=True)
    for name in TIMES:
        table[name] = _as_text(table[name].to_numpy(np.int64))
    chance = table["handoff_probability"]
    impossible = table["explored"].fillna(False).to_numpy(bool) & (chance == 0).to_numpy()
    table["handoff_probability"] = chance.mask(impossible)  # nobody is explored by no chance
    return table


def ledger_definition(definition: Definition, leads: pd.DataFrame | None = None) -> Definition:
    """Return a definition under which the ledger's table is read like an export.

    The agreement, the hand-off policy and the time zone stay; the columns are the ledger's. What
    the company's own export does not hold either, such as margins, counts as not recorded rather
    than as unknown in every lead, unless the ledger has it of some lead.

    Parameters
    ----------
    definition : Definition
        Of the configuration.
    leads : DataFrame, optional
        What `ledger_leads` returned; without it the export's mapping alone decides.
    """
    own = definition.leads
    known = {**own.named_columns, **({"margin_amount": "margin"} if own.margin else {})}
    absent = {
        key: None
        for key, column in LEDGER_MAPPING.named_columns.items()
        if key not in (*_ALWAYS, *known) and (leads is None or not leads[column].notna().any())
    }
    mapping = replace(LEDGER_MAPPING, timezone=own.timezone, **absent)  # type: ignore[arg-type]
    return replace(definition, leads=mapping)


def _as_text(moments: NDArray[np.int64]) -> NDArray[np.object_]:
    """Write microseconds UTC as ISO 8601 with a Z, seconds alone where there is no fraction."""
    known = moments != NO_TIME
    whole = not (moments[known] % 1_000_000).any()
    at = np.where(known, moments, 0).view("datetime64[us]")
    texts = np.datetime_as_string(at, unit="s" if whole else "us", timezone="UTC").astype(object)
    texts[~known] = None
    return texts

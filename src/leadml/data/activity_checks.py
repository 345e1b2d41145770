"""Checks on activities against their leads."""

from collections.abc import Iterator

import numpy as np

from leadml.data.activities import Activities
from leadml.data.leads import Leads
from leadml.domain.finding import Finding, Severity


def activity_findings(leads: Leads, activities: Activities) -> Iterator[Finding]:
    """Yield activities of no known lead, and activities before their lead was created."""
    ids = [name for name in leads.lead_id if name]
    unmatched = activities.unmatched(ids)
    if unmatched:
        none = unmatched == len(activities)
        known = set(ids)
        examples = tuple(name for name in activities.ids if name not in known)[:5]
        text = "activities whose lead is not among the leads are not used" + (
            ": not one has a lead; are lead ids written alike in both files?" if none else ""
        )
        severity: Severity = "error" if none else "warning"
        yield Finding("DATA033", severity, None, unmatched, text, examples)
    if "created_at" in leads.times:
        yield from _too_early(leads, activities)


def _too_early(leads: Leads, activities: Activities) -> Iterator[Finding]:
    lead, picked = activities.of_leads(leads.lead_id.tolist())
    at = activities.at[picked].view("datetime64[us]")
    created = leads.times["created_at"][lead]
    early = picked[at < created]
    if len(early):
        text = "activities before their lead's created_at; they count like any other"
        examples = activities.places.examples(activities.rows[np.sort(early)])
        yield Finding("TIME007", "info", None, len(early), text, examples)

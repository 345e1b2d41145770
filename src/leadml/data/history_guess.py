"""Guessing which columns of an attribute history hold lead, field, values and time."""

from collections.abc import Collection

import pandas as pd

from leadml.data.evidence import Evidence
from leadml.data.frames import Columns
from leadml.data.guesses import Guess
from leadml.data.presets import named
from leadml.data.values import to_text

USUAL_HISTORY = {
    "lead": ("lead_id", "lead", "contact_id", "opportunity_id", "parent_id", "record_id",
             "object_id", "hs_object_id", "vid", "id"),
    "field": ("field", "field_event", "field_name", "property", "property_name", "attribute",
              "changed_field", "column", "Feld", "Champ", "Campo"),
    "old": ("old_value", "old", "original_value", "previous_value", "from", "Alter Wert",
            "Ancienne valeur", "Valor anterior"),
    "new": ("new_value", "new", "value", "to", "Neuer Wert", "Nouvelle valeur", "Nuevo valor"),
    "at": ("changed_at", "changed_on", "created_date", "edit_date", "timestamp", "changed_date",
           "modified_at", "modified_on", "date", "time", "at", "Zeitpunkt", "Datum", "Date",
           "Fecha"),
}  # fmt: skip
"""Key of ``[history]`` -> header names: Salesforce's Lead History as object and as report,
HubSpot's property history, Dynamics' audit, and the usual ones."""
TRIED = 2_000
NEEDED = {
    "lead": "no column holds the ids of the leads: name the one that should",
    "field": "no header says which column names the field that was changed",
    "at": "no column reads as times in the format of the leads' times: name the one that should",
}


def guess_history(
    frame: pd.DataFrame, lead_ids: Collection[str], date_format: str | None
) -> tuple[dict[str, Guess], dict[str, str]]:
    """Guess the keys of ``[history]`` by header, and by ids and times where those settle it.

    Returns
    -------
    found : dict of Guess
        Key of ``[history]`` -> guess; old and new values are guessed by header alone.
    needed : dict of str
        Key of ``[history]`` -> why there is no guess.
    """
    columns = Columns(frame)
    evidence = {name: Evidence(name, columns.raw(name)) for name in columns.names}
    ids = frozenset(lead_ids)
    found: dict[str, Guess] = {}
    for key, usual in USUAL_HISTORY.items():
        taken = {guess.value for guess in found.values()}
        for name in named([c for c in columns.names if c not in taken], usual):
            if _fits(key, evidence[name], ids, date_format):
                found[key] = Guess(key, name, "header")
                break
    return found, {key: why for key, why in NEEDED.items() if key not in found}


def _fits(key: str, evidence: Evidence, ids: frozenset[str], date_format: str | None) -> bool:
    if key == "lead":
        return any(to_text(value) in ids for value in evidence.sample[:TRIED])
    return key != "at" or bool(evidence.times(date_format))

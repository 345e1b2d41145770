"""Guessing which columns of an activity file hold lead, time, kind and detail."""

from collections.abc import Collection

import pandas as pd

from leadml.data.evidence import Evidence
from leadml.data.frames import Columns
from leadml.data.guesses import Guess
from leadml.data.places import listed
from leadml.data.presets import USUAL_ACTIVITY, named
from leadml.data.time_guess import FormatChoice, choose_format, formats_of
from leadml.data.values import to_text

MOST_KINDS = 300
TRIED = 2_000  # lead ids of the activity file that are looked for among the leads


def guess_activities(
    frame: pd.DataFrame, lead_ids: Collection[str], date_format: str | None
) -> tuple[dict[str, Guess], dict[str, str]]:
    """Guess the keys of ``[activities]``.

    Parameters
    ----------
    lead_ids : collection of str
        Ids of the leads the activities belong to.
    date_format : str or None
        Format of the leads' times, which the activities' must share; None means ISO 8601.

    Returns
    -------
    found : dict of Guess
        Key of ``[activities]`` -> guess.
    needed : dict of str
        Key of ``[activities]`` -> why there is no guess.
    """
    columns = Columns(frame)
    evidence = {name: Evidence(name, columns.raw(name)) for name in columns.names}
    ids = frozenset(lead_ids)
    found: dict[str, Guess] = {}
    needed: dict[str, str] = {}
    for key in USUAL_ACTIVITY:
        taken = {guess.value for guess in found.values()}
        free = {name: e for name, e in evidence.items() if name not in taken}
        guess = _GUESS[key](free, ids, date_format) if key in _GUESS else _by_header(key, free)
        if guess:
            found[key] = guess
        else:
            needed[key] = _at_needed(free, date_format) if key == "at" else _NEEDED[key]
    return found, needed


def guess_format(frame: pd.DataFrame) -> FormatChoice:
    """Guess the format of an activity file's times, for leads that have none."""
    columns = Columns(frame)
    likely = named(columns.names, USUAL_ACTIVITY["at"])
    evidence = [Evidence(name, columns.raw(name)) for name in (likely or columns.names)]
    return choose_format([e for e in evidence if formats_of(e)])


_NEEDED = {
    "lead": "no column holds the ids of the leads: name the one that should",
    "at": "no column reads as times in the format of the leads' times: name the one that should",
    "kind": "no column with few different values says what happened: name the one that does",
    "detail": "no column says more about what happened, such as a page's address",
}


def _lead(
    columns: dict[str, Evidence], lead_ids: frozenset[str], date_format: str | None
) -> Guess | None:
    del date_format
    shares = {name: _known_share(evidence, lead_ids) for name, evidence in columns.items()}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] == 0:
        return None
    return Guess("lead", best, f"{shares[best]:.0%} of its values are ids of the leads")


def _known_share(evidence: Evidence, lead_ids: frozenset[str]) -> float:
    values = evidence.sample[:TRIED]
    known = sum(to_text(value) in lead_ids for value in values)
    return known / len(values) if values else 0.0


def _at(
    columns: dict[str, Evidence], lead_ids: frozenset[str], date_format: str | None
) -> Guess | None:
    del lead_ids
    likely = named(list(columns), USUAL_ACTIVITY["at"])
    for name in likely:
        if columns[name].times(date_format):
            return Guess("at", name, "header; reads as times")
    others = [name for name, e in columns.items() if e.times(date_format)]
    always = [name for name in others if columns[name].present == columns[name].rows]
    clear = always if len(always) == 1 else others
    return Guess("at", clear[0], "reads as times") if len(clear) == 1 else None


def _at_needed(columns: dict[str, Evidence], date_format: str | None) -> str:
    shapes = {name: found for name, e in columns.items() if (found := formats_of(e))}
    if not shapes:
        return _NEEDED["at"]
    same = [name for name, found in shapes.items() if date_format in found]
    if same:
        return f"these columns read as times: {listed(same)}; which one says when it happened?"
    name, found = next(iter(shapes.items()))
    return (
        f"{name} reads as times like {found[0] or 'ISO 8601'}, but those of the leads are "
        f"{date_format or 'ISO 8601'}: date_format holds for both, so export them alike"
    )


def _kind(
    columns: dict[str, Evidence], lead_ids: frozenset[str], date_format: str | None
) -> Guess | None:
    del lead_ids, date_format
    for name in named(list(columns), USUAL_ACTIVITY["kind"]):
        kinds = len(columns[name].counts)
        if 1 <= kinds <= MOST_KINDS:
            return Guess("kind", name, f"header; {kinds} different values")
    return None


def _by_header(key: str, columns: dict[str, Evidence]) -> Guess | None:
    for name in named(list(columns), USUAL_ACTIVITY[key]):
        if columns[name].counts:
            return Guess(key, name, f"header; {len(columns[name].counts):,} different values")
    return None


_GUESS = {"lead": _lead, "at": _at, "kind": _kind}

"""Draft a leadml.toml for an export: guesses, their grounds, and questions where there are none."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leadml.data.activity_guess import guess_activities, guess_format
from leadml.data.guesses import Guess, Guesses, guess_leads
from leadml.data.history_guess import guess_history
from leadml.data.leads import Leads, read_leads
from leadml.data.tables import Table
from leadml.data.writing import write_text
from leadml.domain.points_table import PointsTable
from leadml.errors import ConfigError
from leadml.settings import CONFIG_NAME, settings_from
from leadml.workflows.draft import Draft, draft_text
from leadml.workflows.horizon import Horizon, propose_horizon
from leadml.workflows.reading import read_source

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class InitRun:
    """What drafting came to.

    Attributes
    ----------
    output : Path
        The file written.
    preset : str or None
        The kind of export recognised.
    guesses : tuple of Guess
        Settings of ``[leads]``, ``[activities]`` and ``[history]`` guessed, with their grounds.
    needed : dict of str
        What could not be guessed, and why.
    horizon : Horizon
        The horizon proposed.
    """

    output: Path
    preset: str | None
    guesses: tuple[Guess, ...]
    needed: dict[str, str]
    horizon: Horizon

    def to_dict(self) -> dict[str, object]:
        """Return the run as JSON-ready values."""
        return {
            "output": str(self.output),
            "preset": self.preset,
            "guesses": [
                {
                    "key": guess.key,
                    "value": list(guess.value) if isinstance(guess.value, tuple) else guess.value,
                    "because": guess.because,
                }
                for guess in self.guesses
            ],
            "needed": dict(self.needed),
            "horizon": {
                "days": self.horizon.days,
                "wins": self.horizon.wins,
                "because": self.horizon.because,
            },
        }


def refuse_overwriting(output: Path | str) -> None:
    """Raise a ConfigError if the file is there already."""
    if Path(output).exists():
        msg = f"{output} is there already: use --force to write over it, or -o to name another"
        raise ConfigError(msg)


def init(
    leads: "Source",
    *,
    activities: "Source | None" = None,
    history: "Source | None" = None,
    output: Path | str = CONFIG_NAME,
    table: str | None = None,
    min_margin: float | None = None,
    force: bool = False,
) -> InitRun:
    """Write a leadml.toml for an export.

    Parameters
    ----------
    leads : str, Path or pandas.DataFrame
        Export with past outcomes; a SQL URL needs `table`.
    activities : str, Path or pandas.DataFrame, optional
        Activity file that goes with it.
    history : str, Path or pandas.DataFrame, optional
        Attribute history that goes with it.
    output : Path
        File to write.
    table : str, optional
        Table of the database.
    min_margin : float, optional
        Smallest margin of a solid win, a fraction of the amount; asked in the file if not given.
    force : bool
        Whether a file of that name may be written over.

    Raises
    ------
    LeadmlError
        If the export cannot be read, or the file is there already.
    """
    path = Path(output)
    if not force:
        refuse_overwriting(path)
    export = read_source(leads, table=table, config_root=path.parent)
    guesses = guess_leads(export.frame)
    read = _read(export, guesses)
    draft = Draft(
        source=Path(export.source).name,
        leads=len(read),
        columns=len(export.frame.columns),
        guesses=guesses,
        horizon=propose_horizon(read),
        min_margin=min_margin,
        points_words=_points_words(read),
    )
    if activities is not None:
        touches = read_source(activities, config_root=path.parent)
        draft = _with_activities(draft, touches, read)
    if history is not None:
        draft = _with_history(draft, read_source(history, config_root=path.parent), read)
    text = draft_text(draft)
    settings_from(tomllib.loads(text), path=path.resolve())
    write_text(path, text)
    return InitRun(
        output=path,
        preset=guesses.preset.name if guesses.preset else None,
        guesses=(*guesses.found.values(), *draft.activities.values(), *draft.history.values()),
        needed={
            **guesses.needed,
            **{f"activities.{k}": v for k, v in draft.activities_needed.items()},
            **{f"history.{k}": v for k, v in draft.history_needed.items()},
        },
        horizon=draft.horizon,
    )


def _read(export: Table, guesses: Guesses) -> Leads:
    return read_leads(export, guesses.mapping(), required=())


def _with_activities(draft: Draft, touches: Table, leads: Leads) -> Draft:
    date_format = leads.mapping.date_format
    if not leads.times and date_format is None:
        choice = guess_format(touches.frame)
        date_format = choice.date_format
        if date_format:
            because = f"of the activities; {choice.because}"
            draft.guesses.found["date_format"] = Guess("date_format", date_format, because)
    found, needed = guess_activities(touches.frame, set(leads.lead_id.tolist()), date_format)
    return replace(draft, activities=found, activities_needed=needed)


def _with_history(draft: Draft, changes: Table, leads: Leads) -> Draft:
    ids = set(leads.lead_id.tolist())
    found, needed = guess_history(changes.frame, ids, leads.mapping.date_format)
    return replace(draft, history=found, history_needed=needed)


def _points_words(leads: Leads) -> str:
    if leads.points is None:
        return ""
    threshold = PointsTable().threshold
    share = float(np.mean(leads.points >= threshold))
    highest = float(np.nanmax(leads.points))
    return f"{share:.0%} of the leads have {threshold:g} or more, the highest has {highest:g}"

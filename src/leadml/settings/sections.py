"""The sections of `leadml.toml` that configure leadml itself, each with its own checks."""

import re
from dataclasses import dataclass, field
from typing import Literal

from leadml.domain.event import REJECTIONS


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where the ledger lives, and what is on its way there.

    Attributes
    ----------
    url : str
        SQLAlchemy URL; a relative SQLite path is relative to the file.
    journal : str
        Folder, on a disk of this machine, where scores wait for the ledger.
    """

    url: str = "sqlite:///leadml.db"
    journal: str = "journal"

    def __post_init__(self) -> None:
        """Refuse a folder without a name."""
        if not self.journal.strip():
            msg = "journal is empty: name a folder, or leave it out"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class RejectionSettings:
    """Why sales may reject a lead: a closed list; ``other`` always needs a text."""

    reasons: tuple[str, ...] = REJECTIONS

    def __post_init__(self) -> None:
        """Refuse names that a CRM could not send back unambiguously."""
        for reason in self.reasons:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", reason):
                msg = (
                    "reasons must be names of 1 to 40 small letters, digits, _ and -, such as "
                    f"no_budget, found {reason!r}"
                )
                raise ValueError(msg)
        if not self.reasons or len(set(self.reasons)) < len(self.reasons):
            msg = f"reasons must be a list of different names, found {list(self.reasons)!r}"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How the service serves.

    Attributes
    ----------
    keys : str or None
        File of the keys that `leadml keys` makes, relative to the configuration file; None for
        ``keys.json``. A file that is named has to be there.
    shadow : float
        Share of the leads, 0 to 1, that the challenger scores too, in the shadow: see
        `leadml.api.serving.shadow`.
    """

    keys: str | None = None
    shadow: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.shadow <= 1:
            msg = f"shadow must be a share of the leads from 0 to 1, found {self.shadow!r}"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class HubSpotSettings:
    """How HubSpot's properties are read.

    Attributes
    ----------
    columns : dict of str to str
        HubSpot's internal name of a property -> the column of the export; others are columns by
        their own names.
    """

    columns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two properties that would be one column."""
        named = list(self.columns.values())
        twice = sorted({column for column in named if named.count(column) > 1})
        if twice:
            msg = f"columns names {', '.join(twice)} more than once: one property a column"
            raise ValueError(msg)


@dataclass(frozen=True, kw_only=True)
class TrackingSettings:
    """Where MLflow records runs and versions: an MLflow tracking URI."""

    uri: str = "sqlite:///models/mlflow.db"


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How a model is fitted.

    Attributes
    ----------
    monotonic : {"no", "points"}
        ``points`` keeps it to the directions of the points rules.
    form : {"any", "additive"}
        ``additive`` lets candidates compete alone whose score is a sum of one function a feature:
        reasons are exact, and there is a scorecard.
    """

    monotonic: Literal["no", "points"] = "no"
    form: Literal["any", "additive"] = "any"

"""The version that serves: loaded at start, exchanged by assigning another."""

from pathlib import Path

import numpy as np

from leadml.errors import ModelError
from leadml.model.bundle import champion_bundle
from leadml.workflows.score import Scorer


class Champion:
    """Holds the scorer that answers, or why there is none.

    Parameters
    ----------
    models : Path
        Folder whose ``aliases.json`` names the champion.

    Attributes
    ----------
    scorer : Scorer or None
        Requests in flight keep the one they started with when another is loaded.
    problem : str
        Why the last load failed, with the path of the file; empty where it did not.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self.scorer: Scorer | None = None
        self.problem = "no model was loaded yet"

    def load(self) -> None:
        """Load the champion that is named now; keep the present one if that fails."""
        try:
            scorer = Scorer.load(champion_bundle(self._models))
        except ModelError as error:
            self.problem = str(error)
        else:
            _warm(scorer)
            self.scorer, self.problem = scorer, ""

    @property
    def notice(self) -> str:
        """The problem for callers: paths begin at the models folder, not at the server's root."""
        return self.problem.replace(str(self._models), self._models.name)


def _warm(scorer: Scorer) -> None:
    """Score a lead of which nothing is known: trees are read now, not on the first request."""
    nothing = np.full((1, len(scorer.bundle.features.features)), np.nan)
    scorer.bundle.machine.log_odds(nothing)

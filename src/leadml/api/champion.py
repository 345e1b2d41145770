"""The version that serves: loaded at start, exchanged by assigning another."""

from pathlib import Path

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
        Why there is no scorer; empty where there is one.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self.scorer: Scorer | None = None
        self.problem = "no model was loaded yet"

    def load(self) -> None:
        """Load the champion that is named now; keep the present one if that fails."""
        try:
            self.scorer = Scorer.load(champion_bundle(self._models))
        except ModelError as error:
            self.problem = str(error)
        else:
            self.problem = ""

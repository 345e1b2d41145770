"""The version that serves: loaded at start and on every change, exchanged by one assignment."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leadml.errors import ModelError
from leadml.model.bundle import Bundle, champion_bundle, read_bundle
from leadml.workflows.score import Scorer
from leadml.workflows.trial import tried

log = logging.getLogger("leadml.api")


@dataclass(frozen=True)
class Loading:
    """What came of looking for the champion that is named.

    Attributes
    ----------
    version : str or None
        The version that serves now.
    previous : str or None
        The one that served before.
    problem : str
        Why the champion that is named was refused; empty where it serves.
    changed : bool
        Whether another model serves than before.
    """

    version: str | None
    previous: str | None
    problem: str
    changed: bool


class Champion:
    """Holds the scorer that answers, or why there is none.

    Parameters
    ----------
    models : Path
        Folder whose ``aliases.json`` names the champion.
    failed : callable, optional
        Is told each time that a version that was named could not be loaded.

    Attributes
    ----------
    scorer : Scorer or None
        Requests in flight keep the one they started with when another is loaded.
    problem : str
        Why the last load failed, with the path of the file; empty where it did not.
    """

    def __init__(self, models: Path, *, failed: Callable[[], object] = bool) -> None:
        self.models = models
        self.scorer: Scorer | None = None
        self.problem = "no model was loaded yet"
        self._failed = failed
        self._loading = threading.Lock()

    def load(self) -> Loading:
        """Load the champion that is named now; keep the present one if that fails.

        Verifying and a trial come first, on the thread that asks; then one assignment makes the
        change. Safe to be called from several threads.
        """
        with self._loading:
            before, told, problem = self.scorer, self.problem, ""
            scorer = before
            try:
                scorer = self._named()
            except ModelError as error:
                problem = str(error)
                self._failed()
            self.scorer, self.problem = scorer, problem
            done = Loading(_version(scorer), _version(before), problem, scorer is not before)
        if done.changed or problem != told:
            _tell(done)
        return done

    def _named(self) -> Scorer:
        """Return the scorer of the champion that is named: the present one if it is the same."""
        bundle = read_bundle(champion_bundle(self.models))
        present = self.scorer
        if present is not None and _is_same(present.bundle, bundle):
            return present
        return tried(bundle)

    @property
    def refused(self) -> str:
        """Why the version that is named does not serve while another does; empty if it does."""
        return "" if self.scorer is None else self.problem

    @property
    def notice(self) -> str:
        """The problem for callers: paths begin at the models folder, not at the server's root."""
        return self.shown(self.problem)

    def shown(self, problem: str) -> str:
        """Return a problem with paths that begin at the models folder."""
        return problem.replace(str(self.models), self.models.name)


def _is_same(present: Bundle, other: Bundle) -> bool:
    return present.path == other.path and present.manifest["seal"] == other.manifest["seal"]


def _version(scorer: Scorer | None) -> str | None:
    return None if scorer is None else scorer.version


def _tell(done: Loading) -> None:
    """Write a change to the log: once, however often it is found again."""
    if done.problem and done.version is None:
        log.error("no version serves: %s", done.problem)
    elif done.problem:
        refusal = "version %s goes on serving, the champion is refused: %s"
        log.error(refusal, done.version, done.problem)
    elif done.previous is None:
        log.info("version %s serves", done.version)
    elif done.changed:
        log.info("version %s serves instead of %s", done.version, done.previous)
    else:
        log.info("the champion is sound again: version %s serves", done.version)

"""The version that serves: loaded at start and on every change, exchanged by one assignment."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from leadml.errors import ModelError
from leadml.model.bundle import Bundle, champion_bundle, read_aliases, read_bundle
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
    challenger : str or None
        The version that scores in the shadow.
    challenger_problem : str
        Why the challenger that is named was refused; empty where it is not, or none is wanted.
    """

    version: str | None
    previous: str | None
    problem: str
    changed: bool
    challenger: str | None = None
    challenger_problem: str = ""


class Champion:
    """Holds the scorer that answers, or why there is none.

    Parameters
    ----------
    models : Path
        Folder whose ``aliases.json`` names the champion.
    failed : callable, optional
        Is told each time that a version that was named could not be loaded.
    shadow : bool
        Whether the challenger is wanted, too.

    Attributes
    ----------
    scorer : Scorer or None
        Requests in flight keep the one they started with when another is loaded.
    problem : str
        Why the last load failed, with the path of the file; empty where it did not.
    challenger : Scorer or None
        Scores in the shadow.
    challenger_problem : str
        Why the challenger that is named does not. The champion knows nothing of it.
    """

    def __init__(
        self, models: Path, *, failed: Callable[[], object] = bool, shadow: bool = False
    ) -> None:
        self.models = models
        self.scorer: Scorer | None = None
        self.problem = "no model was loaded yet"
        self.challenger: Scorer | None = None
        self.challenger_problem = ""
        self._shadow = shadow
        self._failed = failed
        self._loading = threading.Lock()

    def load(self) -> Loading:
        """Load champion and challenger that are named now; keep the champion if that fails.

        Verifying and a trial come first, on the thread that asks; then one assignment makes the
        change. Safe to be called from several threads.
        """
        with self._loading:
            before, told = self.scorer, self.problem
            scorer, problem = self._sound("champion", before)
            self.scorer, self.problem = scorer or before, problem
            changed = self.scorer is not before
            done = Loading(_version(self.scorer), _version(before), problem, changed)
            if done.changed or problem != told:
                _tell(done)
            self._load_challenger()
            name, why = _version(self.challenger), self.challenger_problem
        return replace(done, challenger=name, challenger_problem=why)

    def _load_challenger(self) -> None:
        before, told = self.challenger, self.challenger_problem
        scorer, problem = None, ""
        if self._shadow and self._is_named("challenger"):
            scorer, problem = self._sound("challenger", before)
        self.challenger, self.challenger_problem = scorer, problem
        if problem and problem != told:
            log.error("no version scores in the shadow, the challenger is refused: %s", problem)
        elif scorer is None and before is not None:
            log.info("no version scores in the shadow any more")
        elif scorer is not before:
            log.info("version %s scores in the shadow", _version(scorer))

    def _is_named(self, alias: str) -> bool:
        try:
            return alias in read_aliases(self.models)
        except ModelError:  # of the champion this is told already
            return False

    def _sound(self, alias: str, present: Scorer | None) -> tuple[Scorer | None, str]:
        """Return the scorer of a version that is named, or why there is none.

        It is the present one where the version is the same.
        """
        try:
            bundle = read_bundle(champion_bundle(self.models, alias))
            if present is not None and _is_same(present.bundle, bundle):
                return present, ""
            return tried(bundle), ""
        except ModelError as error:
            self._failed()
            return None, str(error)

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

"""The challenger in the shadow: scores some of the leads again, behind the answer, to compare.

What the champion answered is never delayed nor changed by it: leads wait in a short queue for a
thread of its own, which rests as long as it works, and where too many wait they are passed over and
counted. Which leads are chosen lies in their ids alone, so a lead is always in the shadow or never.
"""

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from leadml.api.monitoring.metrics import Metrics
from leadml.api.recording.recorder import Recorder
from leadml.api.serving.champion import Champion
from leadml.api.serving.lean import Touches, lean
from leadml.workflows.score import Answer, Scorer
from leadml.workflows.scored_event import telling_of

MOST_WAITING = 20_000
"""Leads and activities that may wait: a batch of 1,000 leads with some activities, or two leads
with as many as a lead may have."""
GATHER_SECONDS = 0.02
"""After the first of some leads: their answers are on their way by then."""
LONGEST_REST = 0.05
"""Seconds between two leads at most."""
BUSY, FAILED, UNRECORDED = "busy", "failed", "unrecorded"

log = logging.getLogger("leadml.api")


class Waiting(NamedTuple):
    """A lead that the champion has scored."""

    answer: Mapping[str, Any]
    lead: Mapping[str, object]
    activities: Touches
    account_activities: Touches

    @property
    def weight(self) -> int:
        """The lead and its activities, counted."""
        return 1 + len(self.activities or ()) + len(self.account_activities or ())


class Shadow:
    """Scores leads with the challenger, and records that as scores nobody was given.

    Parameters
    ----------
    champion : Champion
        Its ``challenger`` scores; where there is none nothing is done.
    recorder : Recorder
        Takes the scores.
    metrics : Metrics
        Counts them, and the leads passed over.
    share : float
        Of the leads, 0 to 1.
    """

    def __init__(
        self, champion: Champion, recorder: Recorder, metrics: Metrics, *, share: float
    ) -> None:
        self._champion, self._recorder, self._metrics = champion, recorder, metrics
        self._share = share
        self._waiting: deque[Waiting] = deque()
        self._weight = 0
        self._counting = threading.Lock()
        self._wake = threading.Event()
        self._end = threading.Event()
        self._told: Scorer | None = None

    def start(self) -> None:
        """Start scoring."""
        self._end.clear()
        threading.Thread(target=self._run, name="leadml shadow", daemon=True).start()

    def close(self) -> None:
        """Stop; what waits is passed over."""
        self._end.set()
        self._wake.set()

    def offer(
        self,
        answer: Mapping[str, Any],
        lead: Mapping[str, object],
        activities: Touches,
        account_activities: Touches,
    ) -> None:
        """Take a lead that the champion has scored, if it is one of the shadow; never waits.

        Parameters
        ----------
        answer : mapping
            What was answered; only a score that is recorded has anything to be compared with.
        lead, activities, account_activities
            What was sent of it.
        """
        challenger = self._champion.challenger
        if challenger is None or not answer["recorded"]:
            return
        if not is_chosen(answer["lead_id"], self._share):
            return
        told = lean(challenger, lead, activities, account_activities)
        if told is not None and self._fits(waiting := Waiting(answer, *told)):
            self._waiting.append(waiting)
            self._wake.set()
        else:
            self._metrics.shadow_missed(BUSY)

    def _fits(self, waiting: Waiting) -> bool:
        with self._counting:
            taken = self._weight + waiting.weight <= MOST_WAITING
            self._weight += waiting.weight if taken else 0
        return taken

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.wait()
            self._end.wait(GATHER_SECONDS)
            self._wake.clear()
            self._empty()

    def _empty(self) -> None:
        while self._waiting and not self._end.is_set():
            waiting = self._waiting.popleft()
            with self._counting:
                self._weight -= waiting.weight
            start = time.perf_counter()
            missed = self._scored(waiting)
            if missed:
                self._metrics.shadow_missed(missed)
            self._end.wait(min(time.perf_counter() - start, LONGEST_REST))  # half for the service

    def _scored(self, waiting: Waiting) -> str:
        """Score and record one lead; return why it was passed over, if it was."""
        challenger = self._champion.challenger
        if challenger is None or self._recorder.full:
            return BUSY
        try:
            answer = _again(challenger, waiting)
        except Exception as fault:  # the challenger's own; the champion has answered
            self._tell(challenger, type(fault).__name__)
            return FAILED
        if answer.errors or answer.lead_id != waiting.answer["lead_id"]:
            return FAILED
        told = {**answer.to_dict(), "reasons": None, "shadow": True}
        content = [waiting.lead, waiting.activities, waiting.account_activities]
        scored = telling_of(challenger).event(told, waiting.lead, content)
        if not self._recorder.offer(scored):
            return UNRECORDED
        self._metrics.scored(str(answer.band), challenger.version, "shadow")
        return ""

    def _tell(self, challenger: Scorer, kind: str) -> None:
        """Say once for each version that it cannot score a lead, without saying anything of it."""
        if self._told is not challenger:
            log.error("version %s cannot score a lead in the shadow: %s", challenger.version, kind)
        self._told = challenger


def _again(challenger: Scorer, waiting: Waiting) -> Answer:
    """Score a lead as of the very moment at which the champion judged it."""
    given = waiting.answer
    (answer,) = challenger.score_records(
        [waiting.lead],
        activities=[waiting.activities],
        account_activities=[waiting.account_activities],
        as_of=[datetime.fromisoformat(given["as_of"])],
        now=datetime.fromisoformat(given["scored_at"]),
    )
    return answer


def is_chosen(lead: str, share: float) -> bool:
    """Tell whether a lead is in the shadow: by its id alone, and so always or never.

    Raising the share adds leads and loses none.

    Examples
    --------
    >>> [is_chosen("L1", share) for share in (0.0, 1.0)]
    [False, True]
    """
    digest = hashlib.blake2b(f"shadow\n{lead}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") < share * 2**64

"""How far the leads that are scored now lie from those the version learnt from.

Scoring hands over a sample and computes nothing: it is counted in the bins of the version's
reference later, by the service's pulse. What is kept of leads then are counts.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadml.api.serving.lean import Touches
from leadml.evaluation.stability import Stability, stability
from leadml.model.reference import Reference, Spread
from leadml.workflows.records import as_table
from leadml.workflows.score import Scorer
from leadml.workflows.spreads import feature_spreads, spread_of_scores

WINDOW = 5_000
"""Leads compared: the newest, or the newest sampled where many are scored."""
FEWEST = 200
"""Fewest leads from which drift is told: ten even bins of that many differ by 0.05 by chance."""
SAMPLE = 200
"""Most leads taken between two counts."""
MOST_ACTIVITIES = 20_000
"""Most activities that wait with them."""

Counts = NDArray[np.int64]


class Scored(NamedTuple):
    """A lead as it was scored; held until it is counted, seconds later."""

    lead: Mapping[str, object]
    activities: Touches
    account_activities: Touches
    as_of: str | None

    @property
    def size(self) -> int:
        """Activities that it holds."""
        return len(self.activities or ()) + len(self.account_activities or ())


class Sample:
    """Takes every lead scored, and keeps an even draw of those since it was last emptied.

    Vitter, J. S. (1985), Random sampling with a reservoir, doi:10.1145/3147.3165, algorithm R.

    Parameters
    ----------
    lean : callable
        Returns what is held of a lead, None where it is too much.
    room : int
        Most leads held.
    """

    def __init__(self, lean: Callable[[Scored], Scored | None], room: int = SAMPLE) -> None:
        self._lean = lean
        self._room = room
        self._kept: list[Scored] = []
        self._seen = 0
        self._activities = 0

    def take(self, scored: Scored) -> None:
        """Offer one lead."""
        kept = self._kept  # another thread may empty this
        self._seen += 1
        if self._activities + scored.size > MOST_ACTIVITIES:
            return
        place = len(kept)
        if place >= self._room:
            place = int(random.random() * self._seen)  # noqa: S311 - draws a sample  # nosec B311
        if place < self._room and (held := self._lean(scored)) is not None:
            self._activities += held.size - sum(one.size for one in kept[place : place + 1])
            kept[place : place + 1] = [held]

    def empty(self) -> list[Scored]:
        """Return what was kept, and begin anew."""
        kept, self._kept = self._kept, []
        self._seen = self._activities = 0
        return list(kept)


class DriftWindow:
    """Counts of the newest leads in the bins of one version's reference.

    Parameters
    ----------
    scorer : Scorer
    size : int
        Leads that the window holds at least, once as many came; an eighth more at most.
    """

    def __init__(self, scorer: Scorer, size: int = WINDOW) -> None:
        self.version = scorer.version
        self._scorer = scorer
        self._size = size
        self._parts: deque[tuple[int, Counts]] = deque()

    @property
    def leads(self) -> int:
        """Leads that are counted."""
        return sum(leads for leads, _ in self._parts)

    def count(self, scored: Sequence[Scored]) -> None:
        """Add leads, and forget the oldest beyond the window's size."""
        reference = self._scorer.bundle.reference
        if reference is None or not scored:
            return
        leads, counts = _counted(self._scorer, scored, reference)
        if not leads:
            return
        if self._parts and self._parts[-1][0] + leads <= self._size // 8:
            before, summed = self._parts.pop()
            leads, counts = leads + before, counts + summed
        self._parts.append((leads, counts))
        while self.leads - self._parts[0][0] >= self._size:
            self._parts.popleft()

    def counts(self) -> list[int]:
        """Return leads in every bin of every feature and then of the scores; [] without any."""
        if not self._parts:
            return []
        total: list[int] = np.sum([counts for _, counts in self._parts], axis=0).tolist()
        return total


@dataclass(frozen=True)
class LiveDrift:
    """Drift of what is scored.

    Attributes
    ----------
    leads : int
        Compared.
    features : dict of str to Stability
    scores : Stability
    """

    leads: int
    features: dict[str, Stability]
    scores: Stability


def drift_of(scorer: Scorer, counts: Sequence[Sequence[int]]) -> LiveDrift | None:
    """Compare the counts of all workers with the reference; None with fewer than `FEWEST`."""
    reference = scorer.bundle.reference
    fitting = [] if reference is None else [c for c in counts if len(c) == _length(reference)]
    if reference is None or not fitting:
        return None
    *new, scores = _spreads(np.array(fitting, np.int64).sum(axis=0), reference)
    if scores.leads < FEWEST:
        return None
    features = scorer.bundle.features.features
    return LiveDrift(
        scores.leads,
        {
            feature.name: stability(
                known.counts,
                found.counts,
                apart=((known.unlisted, known.missing), (found.unlisted, found.missing)),
                ordered=not feature.categorical,
            )
            for feature, known, found in zip(features, reference.features, new, strict=True)
        },
        stability(reference.scores.counts, scores.counts),
    )


def _counted(scorer: Scorer, scored: Sequence[Scored], reference: Reference) -> tuple[int, Counts]:
    """Count the leads that can be scored."""
    moments = [None if one.as_of is None else datetime.fromisoformat(one.as_of) for one in scored]
    records = scorer.read_records(
        [one.lead for one in scored],
        [one.activities for one in scored],
        moments,
        datetime.now(UTC),
        [one.account_activities for one in scored],
    )
    batch = as_table(records, scorer.reader)
    scores = scorer.score_batch(batch, explain=False)
    sound = np.array([row for row in range(len(batch)) if row not in scores.errors], np.intp)
    spreads = feature_spreads(scorer, batch, reference)
    of_scores = spread_of_scores(scorer, batch, scores, sound, reference)
    return len(sound), np.concatenate([_row(spread) for spread in [*spreads, of_scores]])


def _row(spread: Spread) -> Counts:
    return np.array([*spread.counts, spread.missing, spread.unlisted], np.int64)


def _length(reference: Reference) -> int:
    return sum(len(spread.counts) + 2 for spread in [*reference.features, reference.scores])


def _spreads(counts: Counts, reference: Reference) -> list[Spread]:
    """Read back what `_row` wrote."""
    spreads, start = [], 0
    for known in [*reference.features, reference.scores]:
        end = start + len(known.counts)
        bins, missing, unlisted = counts[start:end], counts[end], counts[end + 1]
        spreads.append(Spread(tuple(bins.tolist()), known.cuts, int(missing), int(unlisted)))
        start = end + 2
    return spreads

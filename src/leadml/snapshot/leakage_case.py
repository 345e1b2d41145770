"""The leads under audit, and what is worked out about them once for all grounds of suspicion."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from leadml.data.activity_log import ActivityLog
from leadml.data.leads import Leads
from leadml.data.raw import RawColumn
from leadml.snapshot.features import ATTRIBUTES, Feature, FeatureSet
from leadml.snapshot.labels import Judged
from leadml.snapshot.leakage_presence import OpenLeads, held_early
from leadml.snapshot.separation import CHANCE, Halves, Separation, separation

Numbers = NDArray[np.float64]
Outcomes = NDArray[np.int8]
Rows = NDArray[np.intp]
Microseconds = NDArray[np.int64]

PLAUSIBLE = 0.70
"""Largest cautious AUC of a single column that needs no explanation."""
TOO_GOOD = 0.80
"""Cautious AUC that no field known beforehand is expected to reach alone: above what the best
models reach with *all* sound columns of three public sets (.60, .69, .79)."""
CERTAIN = 0.95
"""Cautious AUC that is implausible however much other columns tell, and that only values which
open leads hold for sure explain."""
BEYOND = 1.25
"""Standard deviations by which nothing known beforehand separates better than the best plausible
column: an AUC of .90 beside one of .65. Of a perfect assessment in simulated CRMs it was .5 to
1.4, of scores lowered with every loss .8 to 1.6."""
FAR_ABOVE = 0.5
"""Standard deviations by which a column must separate better than the best plausible one."""


@dataclass(frozen=True)
class Suspicion:
    """One ground for suspecting one column, or one kind of activity.

    Attributes
    ----------
    code : str
    column : str
        Column of the export, or kind of activity.
    quarantine : bool
        Whether it is reason enough to leave the column out.
    count : int
        Leads concerned.
    evidence : str
        What was seen, as a sentence without its full stop.
    examples : tuple of str
    """

    code: str
    column: str
    quarantine: bool
    count: int
    evidence: str
    examples: tuple[str, ...] = ()


class Case:
    """The leads under audit, and what is worked out about them once."""

    def __init__(
        self,
        leads: Leads,
        judged: Judged,
        rows: Rows,
        x: Numbers,
        y: Outcomes,
        features: FeatureSet,
        as_of: Microseconds,
        seed: int,
        columns: Mapping[str, RawColumn] | None = None,
        rolled_back: frozenset[str] = frozenset(),
    ) -> None:
        self.leads, self.judged, self.rows = leads, judged, rows
        self.x, self.y, self.as_of = x, y, as_of
        self.features = features
        self.seed = seed
        self.columns, self.rolled_back = columns, rolled_back

    def raw(self, column: str) -> RawColumn:
        """Return a column of all leads of the export, as of the moment each is judged."""
        return self.leads.raw(column) if self.columns is None else self.columns[column]

    @cached_property
    def attributes(self) -> list[int]:
        """Positions of the features read from a column of the export: of its words, the best."""
        found = [i for i, f in enumerate(self.features.features) if f.kind in ATTRIBUTES]
        words: dict[str | None, int] = {}
        for place in found:
            feature = self.features.features[place]
            if feature.kind == "word":
                best = words.setdefault(feature.column, place)
                if self.separations[place].auc > self.separations[best].auc:
                    words[feature.column] = place
        telling = set(words.values())
        return [i for i in found if self.features.features[i].kind != "word" or i in telling]

    @cached_property
    def separations(self) -> list[Separation]:
        """How well each feature alone separates, in the order of the features."""
        halves = Halves.of(len(self.y), dated=self.judged.dated, seed=self.seed)
        return [
            separation(self.x[:, place], self.y, halves, categorical=feature.categorical)
            for place, feature in enumerate(self.features.features)
        ]

    @cached_property
    def best_plausible(self) -> tuple[Separation, str]:
        """The feature that separates best of those that need no explanation.

        Features of activities and age are known in time by construction: they always count.
        """
        sound = [
            (self.separations[place], feature.name)
            for place, feature in enumerate(self.features.features)
            if feature.kind not in ATTRIBUTES or self.separations[place].low < PLAUSIBLE
        ]
        return max(sound, key=lambda item: item[0].auc, default=(CHANCE, "chance"))

    @cached_property
    def open_leads(self) -> OpenLeads:
        """The leads still open beside the closed ones."""
        return OpenLeads(self.leads, self.judged)

    def held_early(self, place: int) -> float | None:
        """Tell how surely leads still open hold such values; see there."""
        feature = self.features.features[place]
        return held_early(
            self._young(feature),
            self.open_leads.waiting,
            self.x[:, place],
            self.y,
            to_come=self.open_leads.to_come(float(self.y.mean())),
            categorical=feature.categorical,
        )

    def _young(self, feature: Feature) -> Numbers:
        rows = self.open_leads.young
        alone = replace(self.features, features=(feature,))
        as_of = self.judged.as_of.astype("datetime64[us]").view("i8")[rows]
        raw = {str(feature.column): self.raw(str(feature.column)).take(rows)}
        encoded = alone.encode(raw, as_of=as_of, created=as_of, log=ActivityLog.empty())
        return encoded.x[:, 0]

    def far_above(self, place: int) -> bool:
        """Tell whether a column separates implausibly well, and far better than the others.

        Where there are no others, only what hardly errs is implausible.
        """
        found, (best, _) = self.separations[place], self.best_plausible
        if found.low >= CERTAIN:
            return True
        column = self.features.features[place].column
        others = any(feature.column != column for feature in self.features.features)
        return others and found.low >= PLAUSIBLE and found.distance - best.distance >= FAR_ABOVE

    def beyond(self, place: int) -> bool:
        """Tell whether a column separates so much better than the others that no lead excuses it.

        A score that moves with every loss lies in between while a lead is open, as a sound column
        does: open leads do not tell the two apart.
        """
        found, (best, _) = self.separations[place], self.best_plausible
        return found.low >= TOO_GOOD and found.distance - best.distance >= BEYOND

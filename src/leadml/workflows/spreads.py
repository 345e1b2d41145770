"""How leads lie in the bins of a version's reference; numpy alone, so that the service can tell."""

import numpy as np
from numpy.typing import NDArray

from leadml.data.values import to_text
from leadml.model.reference import Reference, Spread, score_spread, spread_of
from leadml.snapshot.features import RARE, Feature
from leadml.workflows.records import LeadBatch
from leadml.workflows.score import Scorer, Scores


def feature_spreads(scorer: Scorer, batch: LeadBatch, reference: Reference) -> list[Spread]:
    """Count the leads of a batch in the bins of the reference, one spread a feature."""
    features = scorer.bundle.features
    x = batch.encode(features).x
    return [
        spread_of(
            feature,
            x[:, position],
            like=reference.features[position],
            unseen=_unseen(scorer, batch, feature),
        )
        for position, feature in enumerate(features.features)
    ]


def spread_of_scores(
    scorer: Scorer, batch: LeadBatch, scores: Scores, rows: NDArray[np.intp], reference: Reference
) -> Spread:
    """Count the scores of some leads of a batch in the bins of the reference."""
    trend = scorer.bundle.machine.trend_of(batch.as_of)  # not in the reference's scores
    return score_spread((scores.log_odds - trend)[rows], reference.scores)


def _unseen(scorer: Scorer, batch: LeadBatch, feature: Feature) -> NDArray[np.bool_] | None:
    """Tell which leads hold a text that is none of the feature's levels."""
    if not feature.categorical:
        return None
    column = batch.raw.get(feature.column or "")
    if column is None:
        return None
    missing = scorer.bundle.features.missing
    texts, _ = column.texts(lambda value: to_text(value, missing))
    listed = {level for level in feature.levels if level != RARE}
    unseen = np.array([text is not None and text not in listed for text in [*texts, None]], bool)
    return unseen[column.codes]

"""Points against model: what was measured, on which leads, each beside its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadml.pages.site import Frame, framed
from leadml.pages.summary import METRIC_MEANINGS, METRIC_NAMES, Headline

Payload = Mapping[str, Any]

WINNERS = {
    "model": "The model tells good leads better than the points.",
    "points": "The points tell good leads better than the model.",
    "both": "Model and points together tell good leads best.",
    "none": "Neither points nor model is shown to be better.",
}


@dataclass(frozen=True)
class Compared:
    """What is known of points and model.

    Attributes
    ----------
    version : str or None
        The version that serves.
    evaluation : mapping or None
        evaluation.json beside the configuration.
    equal_volume : mapping or None
        Of the report of the ledger made last; None where none was made yet.
    out_of_time : mapping or None
        How the version did in training on leads it had not learnt from.
    """

    version: str | None
    evaluation: Payload | None
    equal_volume: Payload | None
    out_of_time: Payload | None


def comparison_page(known: Compared, frame: Frame) -> str:
    """Draw the comparison."""
    told = known.evaluation
    content = {
        "k": known,
        "e": told,
        "rows": measures(told) if told else [],
        "other_version": told is not None and told["model"]["version"] != known.version,
    }
    return framed(
        "comparison.html",
        frame,
        title="Points against model",
        kicker="Points against model",
        headline=_headline(known),
        content=content,
    )


def measures(evaluation: Payload) -> list[dict[str, Any]]:
    """Arrange the measures of an evaluation: model, points and their difference."""
    compared = {row["metric"]: row for row in evaluation["comparison"]}
    return [
        {
            "name": METRIC_NAMES[metric],
            "meaning": METRIC_MEANINGS[metric],
            "model": evaluation["scores"]["model"][metric],
            "points": evaluation["scores"]["points"][metric],
            "difference": {**row, "value": row["difference"]},
            "better": row["better"] or "undecided",
        }
        for metric, row in compared.items()
        if metric in METRIC_NAMES and row["difference"] is not None
    ]


def _headline(known: Compared) -> Headline:
    if known.evaluation is not None:
        words = WINNERS.get(known.evaluation["winner"])
        told = str(known.evaluation["winner_text"])
        return Headline(words, [told]) if words else Headline(told, [])
    return Headline("Model and points were not compared on labelled leads yet.", [])

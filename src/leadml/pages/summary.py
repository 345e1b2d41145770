"""Results in words: the verdict as a plain sentence, and what supports it.

Every number in these sentences is a number of the JSON beside the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadml.pages.html import count, moment, percent, share

Payload = Mapping[str, Any]

METRIC_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "miscalibration": "miscalibration",
    "discrimination": "discrimination",
}
METRIC_MEANINGS = {
    "auc": "chance that a won lead ranks above a lost one; higher is better",
    "average_precision": "mean close rate down the ranking; higher is better",
    "log_loss": "surprise at the outcomes; lower is better",
    "brier": "squared error of the probabilities; lower is better",
    "miscalibration": "part of the Brier score due to wrong levels; lower is better",
    "discrimination": "part of the Brier score gained by telling leads apart; higher is better",
}


@dataclass(frozen=True)
class Headline:
    """The verdict in one sentence, and the sentences under it."""

    text: str
    support: list[str]


def evaluation_headline(payload: Payload) -> Headline:
    """Say whether the model's hand-offs keep the agreement, and who predicts better."""
    group, agreed = payload["handoff"]["model"], payload["agreement"]
    text = _group_sentence(group, agreed, who="The model")
    support = [_measured_sentence(group, agreed)] if group["handed_off"] else []
    support += [_telling_sentence(payload), payload["winner_text"], _volume_sentence(payload)]
    return Headline(text, [sentence for sentence in support if sentence])


def _group_sentence(group: Payload, agreed: Payload, *, who: str) -> str:
    target = share(agreed["close_rate"])
    if not group["handed_off"]:
        return f"{who} would hand off none of these leads, so there is nothing to judge."
    return {
        "meets": f"{who}’s hand-offs meet the agreed close rate of {target}.",
        "falls_short": f"{who}’s hand-offs fall short of the agreed close rate of {target}.",
        "undecided": f"Not enough evidence yet on whether {who.lower()}’s hand-offs "
        f"meet the agreed close rate of {target}.",
    }[group["verdict"]]


def _measured_sentence(group: Payload, agreed: Payload) -> str:
    sure = share(agreed["confidence"])
    bound = {
        "meets": f"with {sure} confidence the true rate is at least {percent(group['low'])}",
        "falls_short": f"with {sure} confidence the true rate is at most {percent(group['high'])}",
        "undecided": f"the true rate may be as low as {percent(group['low'])} or as high as "
        f"{percent(group['high'])} (each bound holds with {sure} confidence)",
    }[group["verdict"]]
    return (
        f"Of the {count(group['handed_off'])} leads it would hand off, {count(group['won'])} were "
        f"won: {percent(group['close_rate'])}; {bound}."
    )


def _telling_sentence(payload: Payload) -> str:
    """Say so where the model tells no lead from another, or is not shown to."""
    if payload["model"]["chosen"] == "base_rate":
        return (
            "The model gives every lead the same probability: nothing in the training leads told "
            "the won from the others better than their plain close rate does."
        )
    auc = payload["scores"]["model"]["auc"]
    if auc["low"] is None or auc["low"] > 0.5:
        return ""
    return (
        f"These leads do not show that the model tells the won from the others at all (AUC "
        f"{auc['value']:.3f}, may be {auc['low']:.3f} to {auc['high']:.3f}; 0.5 is a coin)."
    )


def _volume_sentence(payload: Payload) -> str:
    same = payload["handoff"]["same_volume"]
    if not same["volume"]:
        return ""
    model, points = same["model"], same["points"]
    return (
        f"Handing off as many leads as the points do ({count(same['volume'])}), the model would "
        f"have found {count(model['won'])} wins, the points {count(points['won'])}."
    )


def report_headline(payload: Payload) -> Headline:
    """Return the report's verdict in a sentence with what supports it, as its JSON says them."""
    return Headline(payload["verdict_text"], list(payload["headline"]))


def footer(payload: Payload) -> str:
    """Say which agreement and program the page comes from."""
    agreed = payload["agreement"]
    signed = ", ".join(agreed["signed_by"]) or "nobody yet"
    return (
        f"leadml {payload['leadml']} · agreement version {agreed['version']}, signed by {signed} · "
        f"as of {moment(payload['as_of'])} · the JSON file beside this page holds the same numbers."
    )

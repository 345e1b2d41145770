"""The page of a training run: what was learnt, and what the data cannot tell."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from leadml.pages.charts import gains_chart, profit_of, reliability_chart
from leadml.pages.html import count, percent, render, share
from leadml.pages.summary import Headline, footer

Payload = Mapping[str, Any]


def training_charts(
    reliability: Mapping[str, Any], gains: Sequence[Mapping[str, float]]
) -> dict[str, Markup]:
    """Draw how the chosen candidate did out of time."""
    curve, bins = reliability["curve"], reliability["bins"]
    return {
        "reliability": reliability_chart("reliability", "model", curve, bins),
        "gains": gains_chart("gains", {"model": gains}),
    }


def training_page(payload: Payload, charts: Mapping[str, Markup] | None = None) -> str:
    """Draw the page of a training run from its JSON values alone.

    Parameters
    ----------
    payload : mapping
        The values.
    charts : mapping of str to Markup, optional
        `training_charts` of them, where they were drawn before.
    """
    drawn = charts or training_charts(payload["reliability"], payload["gains"])
    content = {
        "title": f"leadml: training of version {payload['version']}",
        "kicker": f"leadml training · version {payload['version']}, {payload['alias']}",
        "headline": training_headline(payload),
        "verdict": _tone(payload),
        "footer": footer(payload),
        "t": payload,
        "sure": share(payload["agreement"]["confidence"]),
        "profit": profit_of(payload),
        **drawn,
    }
    return render("training.html", content)


def _tone(payload: Payload) -> str:
    return "meets" if payload["threshold"]["basis"] == "guaranteed" else "undecided"


def training_headline(payload: Payload) -> Headline:
    """Say what a hand-off by this version promises, and what it rests on."""
    cut, target = payload["threshold"], share(payload["agreement"]["close_rate"])
    learnt = (
        f"It learnt from {count(payload['leads'])} leads whose outcome is known, of which "
        f"{count(payload['won'])} were sales-ready ({percent(payload['close_rate'])})."
    )
    support = [_group(payload), learnt, f"It is {payload['alias']}: {payload['why']}."]
    sentences = {
        "guaranteed": f"Handing off by this model keeps the agreed close rate of {target}.",
        "estimated": f"Handing off by this model should reach the agreed close rate of {target}, "
        "which is not proven yet.",
        "points": "Too few leads were won to hand off by a model: the agreed points decide.",
        "none": f"No group of leads reached the agreed close rate of {target}: none is handed off.",
    }
    text = _short(cut, target) or sentences[cut["basis"]]
    return Headline(text, [sentence for sentence in support if sentence])


def _short(cut: Payload, target: str) -> str:
    """Say that a policy hands off leads that close less often than agreed; empty if it does not."""
    rate = cut["expected_close_rate"]
    if cut["basis"] != "estimated" or rate is None or cut["policy"] == "group":
        return ""
    short = cut["more_outcomes"] is None
    policy = f'Handing off by policy "{cut["policy"]}" would have closed {percent(rate)}'
    return f"{policy}, less than the agreed {target}." if short else ""


def _group(payload: Payload) -> str:
    cut = payload["threshold"]
    if cut["expected_close_rate"] is None:
        return ""
    sure = share(payload["agreement"]["confidence"])
    return (
        f"Of the {count(cut['volume'])} leads it would have handed off when their outcome was not "
        f"known, {count(cut['won'])} were won: {percent(cut['expected_close_rate'])}; the true "
        f"rate is at least {percent(cut['low'])} and at most {percent(cut['high'])}, each with "
        f"{sure} confidence."
    )

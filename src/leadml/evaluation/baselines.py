"""What the trade reports of other companies' leads, for scale beside our own numbers."""

from typing import Any

DIRECT = (
    "27 % of the leads that companies hand over directly are qualified, as quoted from "
    "MarketingSherpa's B2B benchmark surveys; about half of those are ready to buy, which leaves "
    "13.5 %"
)
ARRIVAL = (
    "5 to 15 % of inquiries are sales-ready when they arrive, as B. Carroll reports from "
    "qualification programmes (markempa.com); an upper end, not a mean"
)
QUALIFIED = "one lead in five is qualified, as the trade press quotes without naming a study"
CAUTION = (
    "Industry figures are for scale only: other companies, other definitions of sales-ready, no "
    "common denominator. None of them is a target, and no verdict rests on them."
)


def baselines(
    *, won_of_handed_off: float | None, won_of_leads: float | None, qualified: float | None
) -> list[dict[str, Any]]:
    """Set our own shares beside what the trade reports.

    Parameters
    ----------
    won_of_handed_off : float or None
        Sales-ready wins ÷ matured hand-offs.
    won_of_leads : float or None
        Sales-ready wins ÷ leads that came in.
    qualified : float or None
        Qualified ÷ leads that came in.

    Returns
    -------
    list of dict
        JSON-ready: ``name, share, at_most, ours, of`` (what ours divides by), ``cited``.
    """
    return [
        _row("sales-ready, of leads handed over directly", 0.135, won_of_handed_off, DIRECT)
        | {"of": "matured hand-offs"},
        _row("sales-ready on arrival", 0.15, won_of_leads, ARRIVAL)
        | {"of": "leads that came in", "at_most": True},
        _row("qualified", 0.20, qualified, QUALIFIED) | {"of": "leads that came in"},
    ]


def _row(name: str, share: float, ours: float | None, cited: str) -> dict[str, Any]:
    return {"name": name, "share": share, "at_most": False, "ours": ours, "cited": cited}

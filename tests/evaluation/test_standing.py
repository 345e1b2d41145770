"""Where the promise stands: who enters when, what is claimed, and what stands beside it."""

import json
from typing import Any

import numpy as np
import pytest

from leadml.domain.agreement import Agreement
from leadml.evaluation.close_rate import close_rate
from leadml.evaluation.confidence_sequence import lower_bounds, upper_bounds
from leadml.evaluation.entering import HandedOff
from leadml.evaluation.standing import standing

START = np.datetime64("2026-01-01T00:00", "us")
NEVER = np.datetime64("NaT", "us")
AGREED = Agreement(close_rate=0.3, horizon_days=90, follow_up_days=14)


def day(days: Any) -> Any:
    """Return moments so many days after the start; NaN is NaT."""
    known = np.nan_to_num(np.asarray(days, float)) * 86_400_000_000
    return np.where(np.isnan(days), NEVER, START + known.astype("timedelta64[us]"))


def handed_off(at: Any, won: Any, **more: Any) -> HandedOff:
    """Return hand-offs at these days, all worked, with no closing or recording times."""
    leads = len(at)
    values: dict[str, Any] = {
        "followed_up": np.ones(leads, bool),
        "closed_at": np.full(leads, NEVER),
        "recorded_at": np.full(leads, NEVER),
        "account": np.full(leads, -1),
    }
    return HandedOff(at=day(at), won=np.asarray(won, bool), **(values | more))


def stood(leads: HandedOff, *, on: float, agreement: Agreement = AGREED) -> dict[str, Any]:
    """Return where the promise stands that many days after the start, as JSON gives it back."""
    values = standing(leads, agreement, now=day(on)[()]).to_dict()
    parsed: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return parsed


def steady(leads: int, wins: int, **more: Any) -> HandedOff:
    """Return a lead a day, `wins` of them won, spread evenly."""
    spread = np.floor(np.arange(1, leads + 1) * wins / leads) > np.floor(
        np.arange(leads) * wins / leads
    )
    return handed_off(np.arange(leads), spread, **more)


def test_counts_and_bounds() -> None:
    found = stood(steady(200, 100), on=289)  # 289 - 90: the leads of days 0 to 199 have entered
    low = lower_bounds(100, 200, rate=0.3, confidence=0.95)
    high = upper_bounds(100, 200, rate=0.3, confidence=0.95)
    once = close_rate(100, 200, 0.95)
    assert found["verdict"] == "meets"
    assert (found["handed_off"], found["matured"], found["followed_up"]) == (200, 200, 200)
    assert (found["won"], found["value"]) == (100, 0.5)
    assert (found["low"], found["high"]) == pytest.approx((float(low), float(high)))
    assert found["fixed"] == {"low": once.low, "high": once.high}
    assert found["low"] < once.low < once.high < found["high"]
    assert (found["more_needed"], found["more_needed_why"]) == (0, None)
    assert found["from"] == "2026-01-01T00:00:00.000000Z"

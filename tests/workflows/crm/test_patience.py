from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from leadml.errors import CrmBusy
from leadml.workflows.crm.patience import Pace, Patience, retry_after

BUSY = "the CRM is busy"


def test_a_pace_spreads_requests_evenly() -> None:
    now, slept = [10.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4.0, clock=lambda: now[0], sleep=sleep)
    pace.wait()  # at once
    pace.wait()  # a quarter of a second after it
    now[0] += 0.125
    pace.wait()  # half of the rest has passed by itself
    now[0] += 9.0
    pace.wait()  # long ago: what was not used is not saved up …
    pace.wait()  # … so that the next waits again
    assert slept == [0.25, 0.125, 0.25]


def busy(times: int, seconds: float | None = None) -> Callable[[], str]:
    """Return a call that is answered after some refusals."""
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise CrmBusy(BUSY, retry_after=seconds)
        return "answer"

    return call


def test_a_busy_crm_is_asked_again_after_growing_rests() -> None:
    slept: list[float] = []
    assert Patience(sleep=slept.append).ask(busy(5)) == "answer"
    assert slept == [1, 2, 4, 8, 16]


def test_no_rest_grows_beyond_a_minute() -> None:
    slept: list[float] = []
    assert Patience(tries=9, sleep=slept.append).ask(busy(8)) == "answer"
    assert slept == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_crm_that_says_how_long_is_believed() -> None:
    slept: list[float] = []
    assert Patience(sleep=slept.append).ask(busy(2, 7.0)) == "answer"
    assert slept == [7, 7]


def test_the_sixth_refusal_ends_it() -> None:
    slept: list[float] = []
    with pytest.raises(CrmBusy, match=r"busy \(6 times in a row\): .* is kept; run .* later"):
        Patience(sleep=slept.append).ask(busy(6))
    assert slept == [1, 2, 4, 8, 16]


def test_a_crm_that_asks_for_a_long_rest_is_left_alone() -> None:
    slept: list[float] = []
    with pytest.raises(CrmBusy, match=r"busy: .* run the command again in 301 seconds") as refused:
        Patience(sleep=slept.append).ask(busy(1, 301.0))
    assert slept == []
    assert refused.value.retry_after == 301.0
    assert Patience(sleep=slept.append).ask(busy(1, 300.0)) == "answer"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 30 ", 30.0),
        ("Mon, 02 Mar 2026 09:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 08:59:00 GMT", 0.0),  # past already
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("９", None),
        ("Mon, 02 Mar 2026 09:01:30", None),  # no zone
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 3, 2, 9, tzinfo=UTC)) == seconds

"""What the overview says first: what serves, and what somebody has to see to."""

import re

import pytest

from leadml.pages.home_page import Standing, home_page
from leadml.pages.site import Frame

FRAME = Frame("/")
SOUND = {
    "serving": "3",
    "trained_at": None,
    "problem": "",
    "counts": None,
    "ledger_problem": "",
    "verdict": None,
}
UNRECORDED = "Scores are not recorded; the service’s log says why."


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, []),
        ({"problem": "version 4 is damaged"}, ["version 4 is damaged"]),
        ({"recorded": False}, [UNRECORDED]),
        ({"dead_letters": 1}, ["1 message to webhooks could not be delivered."]),
        ({"dead_letters": 1200}, ["1,200 messages to webhooks could not be delivered."]),
    ],
)
def test_what_is_to_be_seen_to(more: dict[str, object], told: list[str]) -> None:
    page = home_page(Standing(**(SOUND | more)), FRAME)  # type: ignore[arg-type]
    assert "Version 3 scores leads." in page
    assert re.findall(r'<p class="lead">(.*?)</p>', page) == told

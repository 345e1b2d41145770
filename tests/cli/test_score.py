"""What `leadml score` prints."""

from pathlib import Path

import pytest

from leadml.cli.score import stage_words
from leadml.workflows.score_file import Scoring


@pytest.mark.parametrize(
    ("nurture", "words"),
    [
        (1200, "Nurture: 1,200 leads reach the cut only within 270 days; not qualified: 7."),
        (1, "Nurture: 1 lead reaches the cut only within 270 days; not qualified: 7."),
        (0, "Nurture: no other lead reaches the cut within 270 days; not qualified: 7."),
    ],
)
def test_leads_to_nurture(nurture: int, words: str) -> None:
    stages = {"sales_ready_now": 0, "nurture": nurture, "not_qualified": 7}
    scoring = Scoring(
        output=Path("scores.csv"),
        leads=nurture + 7,
        sales_ready=0,
        explored=0,
        errors=0,
        bands={},
        stages=stages,
        eventually_days=270.0,
        cuts={},
        model_version="1",
        basis="estimated",
        threshold=None,
        warnings=(),
    )
    assert stage_words(scoring) == words

"""What `leadml train` says of the model, in words."""

import io
from typing import Any

import pytest
from rich.console import Console

from leadml.cli.train import closed_least_and_most, cost_words, show_handoff, value_words
from leadml.evaluation.threshold import Threshold


def own(words: str, leads: int, won: int) -> dict[str, Any]:
    return {"range": words, "leads": leads, "won": won, "close_rate": won / leads}


def test_ranges_with_too_few_leads_are_passed_over() -> None:
    ranges = [own("= 0", 100, 10), own("= 1", 50, 20), own("≥ 2", 4, 4)]
    assert closed_least_and_most(ranges) == ("= 0 (10% of 100)", "= 1 (40% of 50)")
    assert closed_least_and_most(ranges[2:]) == ("≥ 2 (100% of 4)",) * 2


@pytest.mark.parametrize(
    ("difference", "candidate", "words"),
    [
        (0.0, "logistic", "costs nothing: no other candidate would have been chosen"),
        (0.0123, "full", "among all candidates full would have been chosen; out of time the log "
         "loss is 0.0123 higher than its 0.4567 (standard error 0.0040)."),
        (-0.002, "blend", "the blend with trees would have been chosen; out of time the log "
         "loss is 0.0020 lower than its 0.4567"),
    ],
)  # fmt: skip
def test_what_additive_candidates_alone_cost(difference: float, candidate: str, words: str) -> None:
    cost = {"candidate": candidate, "log_loss": 0.4567, "difference": difference, "error": 0.004}
    assert words in cost_words(cost)


class TestValueWords:
    KNOWN: dict[str, Any] = {  # noqa: RUF012 - read only
        "basis": "model",
        "of": "margin",
        "won_with_margin": 80,
        "won_without_margin": 20,
        "mean": 5200.4,
        "low": 5000.0,
        "high": 6100.0,
    }

    def test_margins_that_differ_with_unknown_ones(self) -> None:
        assert value_words(self.KNOWN) == (
            "Expected margin: given a win it differs by the lead's features; mean margin of a win "
            "5,200, 5,000 to 6,100 as the unknown ones may be; 80 wins with a known one, "
            "20 without."
        )

    def test_amounts_alone_and_the_same_for_all(self) -> None:
        told = value_words(
            self.KNOWN | {"basis": "mean", "of": "amount", "low": 5200.4, "high": 5200.4}
        )
        assert (
            "is the same for all leads; mean amount (no margin is mapped) of a win 5,200;" in told
        )

    def test_no_money(self) -> None:
        assert value_words({"basis": None}).startswith("Expected margin: none; no won lead")


def test_the_handoff_in_words_after_training_and_recalibrating() -> None:
    cut = Threshold(probability=0.25, basis="estimated", told=("Of 40 [leads], 12 closed.",))
    console = Console(width=80, record=True, file=io.StringIO())
    show_handoff(cut, console)
    assert console.export_text() == "Hand-off (estimated)\n- Of 40 [leads], 12 closed.\n"

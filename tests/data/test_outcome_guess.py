"""Which column says won or lost."""

import pandas as pd
import pytest

from leadml.data.evidence import Evidence
from leadml.data.frames import raw_column
from leadml.data.outcome_guess import OutcomeGuess, guess_outcome
from leadml.data.presets import PRESETS, Preset


def guess(
    columns: dict[str, list[object]], *headers: str, preset: Preset | None = None
) -> OutcomeGuess | None:
    evidence = [Evidence(name, raw_column(pd.Series(v))) for name, v in columns.items()]
    return guess_outcome(evidence, headers, preset)


def test_a_known_header_with_won_and_lost_comes_first() -> None:
    found = guess(
        {"other": ["won", "lost"] * 2, "stage": ["Closed Won", "Closed Lost", "New", "New"]},
        "stage",
    )
    assert found == OutcomeGuess(
        "stage",
        ("Closed Won",),
        ("Closed Lost",),
        ("New",),
        "3 values, Closed Won (1) read as won, Closed Lost (1) as lost",
    )


def test_any_column_with_won_and_lost_comes_before_a_header_with_won_alone() -> None:
    columns = {"phase": ["won", "lost"], "status": ["customer", "lead"]}
    found = guess(columns, "status")
    assert found is not None
    assert found.column == "phase"


def test_a_header_with_won_alone_has_nobody_lost() -> None:
    found = guess({"status": ["customer", "lead", "subscriber"]}, "status")
    assert found is not None
    assert (found.won, found.lost, set(found.open)) == (("customer",), (), {"lead", "subscriber"})
    assert found.because == "3 values, customer (1) read as won, none as lost"


@pytest.mark.parametrize(
    ("values", "won", "lost"),
    [
        (["yes", "no", "no"], ("yes",), ("no",)),
        (["0", "1", "0"], (1,), (0,)),
        (["TRUE", "FALSE"], (True,), (False,)),
        ([True, False], (True,), (False,)),
        ([1, 0, 0], (1,), (0,)),
    ],
)
def test_a_known_header_may_say_yes_and_no(
    values: list[object], won: tuple[object], lost: tuple[object]
) -> None:
    found = guess({"converted": values, "newsletter": values}, "converted")
    assert found is not None
    assert (found.column, found.won, found.lost, found.open) == ("converted", won, lost, ())


def test_yes_and_no_under_another_header_say_nothing() -> None:
    assert guess({"newsletter": ["yes", "no"]}) is None
    assert guess({"stage": ["New", "Open"]}, "stage") is None


def test_many_values_are_no_outcome() -> None:
    assert guess({"note": ["won", "lost", *(f"text {i}" for i in range(49))]}, "note") is None


def test_a_presets_own_words_count() -> None:
    dynamics = next(preset for preset in PRESETS if preset.name == "Dynamics 365 leads")
    columns = {"Status": ["Qualified", "Disqualified", "Open"]}
    found = guess(columns, "Status", preset=dynamics)
    assert found is not None
    assert (found.won, found.lost, found.open) == (("Qualified",), ("Disqualified",), ("Open",))
    assert guess(columns, "Status") is None


def test_state_codes_of_dynamics() -> None:
    found = guess({"statecode": ["0", "1", "2", "2"]}, "statecode")
    assert found is not None
    assert (found.won, found.lost, found.open) == ((1,), (2,), (0,))
    assert guess({"code": ["0", "1", "2"]}, "code") is None


def test_numbers_with_leading_zeros_stay_texts() -> None:
    found = guess({"stage": ["01", "won", "lost"]}, "stage")
    assert found is not None
    assert found.open == ("01",)

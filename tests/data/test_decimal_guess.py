"""Which decimal sign the columns of an export show."""

import pandas as pd

from leadml.data.decimal_guess import decimal_columns
from leadml.data.evidence import Evidence
from leadml.data.frames import Columns
from leadml.data.guesses import guess_leads


def shown(**columns: list[object]) -> dict[str, dict[str, str]]:
    frame = Columns(pd.DataFrame({name: pd.Series(v) for name, v in columns.items()}))
    return decimal_columns([Evidence(name, frame.raw(name)) for name in columns])


def test_columns_that_show_their_sign() -> None:
    assert shown(
        comma=["12,5", "2.835", "7", "n/a"],
        point=["12.5", "2,835", "7", "8"],
        unclear=["2.835", "1.250", "7", "8"],
        native=[12.5, 2.835, 7.0, 8.0],
        dates=["01.02.2024", "02.02.2024", "1.2.2024", "3.2.2024"],
        texts=["12,5", "a", "b", "c"],
    ) == {",": {"comma": "12,5"}, ".": {"point": "12.5"}}


AMOUNTS = ["2.338,53", "2.835", "1.200", "900"]
PLAIN = ["0.5", "0.25", "0.75", "1.5"]


def test_a_decimal_comma_is_proposed_and_read() -> None:
    guesses = guess_leads(pd.DataFrame({"amount": AMOUNTS}))
    assert guesses.found["decimal"].value == ","
    assert guesses.found["decimal"].because == "amount holds 2.338,53"
    assert guesses.found["amount"].value == "amount"
    assert guesses.mapping().decimal == ","


def test_a_decimal_point_needs_no_words() -> None:
    guesses = guess_leads(pd.DataFrame({"x": PLAIN, "y": ["2.835", "1.200", "3.100", "7"]}))
    assert "decimal" not in guesses.found
    assert not [note for note in guesses.notes if "decimal" in note]


def test_columns_that_disagree_are_noted() -> None:
    guesses = guess_leads(pd.DataFrame({"x": PLAIN, "y": AMOUNTS}))
    assert "decimal" not in guesses.found
    (note,) = [note for note in guesses.notes if "decimal" in note]
    assert note == (
        "numbers have a decimal comma in y but a decimal point in x: "
        "export them with one decimal sign"
    )
    assert guess_leads(pd.DataFrame({"x": PLAIN, "y": AMOUNTS, "z": AMOUNTS})).found["decimal"]

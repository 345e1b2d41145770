"""The drafted text: readable, and valid TOML whatever the export holds."""

import tomllib
from pathlib import Path

import pytest

from leadml.data.guesses import Guess, Guesses
from leadml.data.presets import PRESETS
from leadml.domain.handoff import HandoffPolicy
from leadml.settings import settings_from
from leadml.workflows.draft import Draft, draft_text
from leadml.workflows.horizon import Horizon

NOTHING = Draft(
    source="leads.csv",
    leads=1234,
    columns=5,
    guesses=Guesses(None),
    horizon=Horizon(None, "the default, for the export lacks outcomes, starts or closes"),
)


def drafted(**changes: object) -> Draft:
    return Draft(**{**vars(NOTHING), **changes})  # type: ignore[arg-type]


def found(*guesses: Guess, **needed: str) -> Guesses:
    return Guesses(None, {guess.key: guess for guess in guesses}, needed)


def test_with_nothing_guessed_every_key_is_a_question() -> None:
    text = draft_text(NOTHING)
    assert tomllib.loads(text)["leads"] == {"timezone": "UTC"}
    for key in ("id", "outcome", "won", "created_at", "closed_at", "margin", "points"):
        assert f"\n# {key} = " in text
    assert '# outcome = ""                           # REQUIRED to train: which column' in text
    assert "QUESTION: what margin makes a win solid?" in text
    settings = settings_from(tomllib.loads(text), path=Path("leadml.toml"))
    assert settings.definition.agreement.horizon_days == 90


def test_guesses_stand_with_their_grounds() -> None:
    guesses = found(
        Guess("id", "Lead ID", "header; all different"),
        Guess("won", ("Closed Won", 1, True), "read as won"),
    )
    text = draft_text(drafted(guesses=guesses))
    assert 'id = "Lead ID"                           # header; all different\n' in text
    assert 'won = ["Closed Won", 1, true]            # read as won\n' in text
    assert "# id =" not in text


def test_long_grounds_stand_above_and_are_wrapped() -> None:
    guess = Guess("outcome", "stage", "a long story " * 12)
    lines = draft_text(drafted(guesses=found(guess))).splitlines()
    place = lines.index('outcome = "stage"')
    assert lines[place - 1].startswith("# ")
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize(
    "column",
    ['say "won"', "back\\slash", "ümlaut", "new\nline", "tab\tbell\x07", "del\x7f", "#hash", "€"],
)
def test_any_header_survives(column: str) -> None:
    guesses = found(Guess("outcome", column, f"header {column}"), Guess("won", (column,), "x"))
    guesses.notes.append(f"note on {column}")
    leads = tomllib.loads(draft_text(drafted(guesses=guesses, source=column)))["leads"]
    assert leads["outcome"] == column
    assert leads["won"] == [column]


def test_a_reason_without_a_guess_is_told() -> None:
    text = draft_text(drafted(guesses=found(id="X repeats values")))
    assert (
        '# id = ""                                # which column names the lead? (X repeats' in text
    )


def test_a_found_margin_asks_for_no_other() -> None:
    text = draft_text(drafted(guesses=found(Guess("margin", "m", "header"))))
    assert "# margin_amount" not in text
    text = draft_text(drafted(guesses=found(Guess("margin_amount", "profit", "header"))))
    assert "# margin =" not in text


def test_the_horizon_and_the_margin_answered_are_set() -> None:
    horizon = Horizon(61, "by then 90% of the wins to be had have come", 300)
    text = draft_text(drafted(horizon=horizon, min_margin=0.15))
    values = tomllib.loads(text)["sales_ready"]
    assert (values["horizon_days"], values["min_margin"]) == (61, 0.15)
    assert "counts: by then 90% of the wins to be had have come.\n" in text
    assert "QUESTION" not in text


def test_an_unsure_zone_is_to_be_checked() -> None:
    text = draft_text(drafted(guesses=found(timezone="x")))
    question = "# CHECK: the times name no zone; in which one are they written?"
    assert f'{question}\ntimezone = "UTC"\n' in text


def test_activities_are_set_or_asked_for() -> None:
    assert "[activities] would name" in draft_text(NOTHING)
    activities = {"lead": Guess("lead", "who", "ids")}
    text = draft_text(drafted(activities=activities, activities_needed={"at": "no times"}))
    assert tomllib.loads(text)["activities"] == {"lead": "who"}
    assert '# at = ""                                # no times\n' in text


def test_points_of_the_crm_need_no_table() -> None:
    text = draft_text(drafted(points_words="7% of the leads have 100 or more"))
    assert tomllib.loads(text)["points"] == {"threshold": 100}
    assert "[[points.rules]]" not in text
    assert "# [[points.rules]]" in draft_text(NOTHING)


def test_the_kind_of_export_is_named() -> None:
    preset = next(preset for preset in PRESETS if preset.name == "Salesforce leads")
    text = draft_text(drafted(guesses=Guesses(preset)))
    assert "# The headers look like an export of Salesforce leads.\n" in text
    assert "# Note: Qualified means taken over by sales, not sold" in text


def test_the_commented_points_table_and_handoff_are_valid_ones() -> None:
    text = draft_text(NOTHING)
    table = text[text.index("# [points]") : text.index("# [store]")]
    plain = "\n".join(line.removeprefix("# ") for line in table.splitlines())
    settings = settings_from(tomllib.loads(plain), path=Path("leadml.toml"))
    assert len(settings.definition.points.rules) == 2
    assert "[handoff]" in plain
    assert settings.definition.handoff == HandoffPolicy()

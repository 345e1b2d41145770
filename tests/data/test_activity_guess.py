"""Which columns of an activity file hold what."""

import pandas as pd

from leadml.data.activity_guess import guess_activities, guess_format

IDS = {"1", "2", "3"}


def frame(**columns: list[str]) -> pd.DataFrame:
    usual = {
        "who": ["1", "2", "3", "9"],
        "when": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
        "type": ["call", "mail", "call", "call"],
        "page": ["/a", "/b", "/c", "/d"],
    }
    return pd.DataFrame(usual | columns).astype("str")


def test_lead_is_the_column_with_most_of_the_leads_ids() -> None:
    found, needed = guess_activities(frame(id=["1", "7", "8", "9"]), IDS, None)
    assert needed == {}
    assert {key: guess.value for key, guess in found.items()} == {
        "lead": "who",
        "at": "when",
        "kind": "type",
        "detail": "page",
    }
    assert found["lead"].because == "75% of its values are ids of the leads"
    assert found["at"].because == "reads as times"
    assert found["kind"].because == "header; 2 different values"


def test_a_header_comes_before_another_column_of_times() -> None:
    other = ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"]
    found, _ = guess_activities(frame(timestamp=other), IDS, None)
    assert (found["at"].value, found["at"].because) == ("timestamp", "header; reads as times")


def test_times_must_be_in_the_format_of_the_leads() -> None:
    found, needed = guess_activities(frame(), IDS, "%d/%m/%Y")
    assert "at" not in found
    assert needed["at"] == (
        "when reads as times like ISO 8601, but those of the leads are %d/%m/%Y: date_format holds "
        "for both, so export them alike"
    )
    none, needed = guess_activities(frame(when=["a", "b", "c", "d"]), IDS, None)
    assert "at" not in none
    assert needed["at"].startswith("no column reads as times in the format of the leads' times")


def test_of_several_columns_of_times_only_a_clear_one_is_taken() -> None:
    also = ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"]
    found, needed = guess_activities(frame(ended=also), IDS, None)
    assert "at" not in found
    assert needed["at"] == (
        "these columns read as times: when, ended; which one says when it happened?"
    )
    found, _ = guess_activities(frame(ended=[*also[:3], ""]), IDS, None)
    assert found["at"].value == "when"  # the only one that is always there


def test_german_headers_and_times_are_known() -> None:
    german = pd.DataFrame(
        {
            "Lead": ["1", "2", "3"],
            "Zeitpunkt": ["25.04.2025 16:16", "26.04.2025 08:00", "27.04.2025 09:30"],
            "Ereignis": ["Anruf", "Mail", "Anruf"],
        }
    ).astype("str")
    found, _ = guess_activities(german, IDS, "%d.%m.%Y %H:%M")
    values = {key: guess.value for key, guess in found.items()}
    assert values == {"lead": "Lead", "at": "Zeitpunkt", "kind": "Ereignis"}


def test_what_is_not_there_is_asked_for() -> None:
    found, needed = guess_activities(frame(), {"x"}, None)
    assert needed == {"lead": "no column holds the ids of the leads: name the one that should"}
    found, needed = guess_activities(frame().drop(columns=["type", "page"]), IDS, None)
    assert set(needed) == {"kind", "detail"}
    assert set(found) == {"lead", "at"}


def test_a_column_is_used_once() -> None:
    # "type" is the kind; "subject" is then the detail, not "type" again.
    found, _ = guess_activities(frame(subject=["a", "b", "c", "d"]).drop(columns="page"), IDS, None)
    assert found["kind"].value == "type"
    assert found["detail"].value == "subject"


def test_leads_without_times_take_the_format_of_the_activities() -> None:
    german = frame(when=["25.04.2025 16:16", "26.04.2025 08:00", "27.04.2025 09:30", ""])
    assert guess_format(german).date_format == "%d.%m.%Y %H:%M"
    assert guess_format(frame()).date_format is None
    # A column whose header says so decides.
    assert guess_format(german.assign(timestamp="2026-01-01")).date_format is None

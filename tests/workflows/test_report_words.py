from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadml.domain.event import Event
from leadml.store.ledger import Ledger
from leadml.workflows.report import report_values

Report = Callable[..., dict[str, Any]]


def lead(name: str, **more: object) -> dict[str, object]:
    known = {"created_at": "2026-01-01", "handed_off_at": "2026-01-10T08:00", "outcome": "won"}
    worked = {"followed_up_at": "2026-01-11T09:00", "closed_at": "2026-01-20"}
    money = {"amount": 100, "margin_amount": 40, "probability": 0.3, "account": name}
    return {"lead": name} | known | worked | money | more


HELD_BACK = lead("held back", handed_off_at=None, followed_up_at=None, closed_at=None, outcome="")
SOLID = "effective_from = 2026-01-01\nmin_margin = 0.2"
ALWAYS = (
    "Probabilities and points are taken as those of the hand-off; where the CRM overwrote them "
    "later, they know more than they did then."
)


def test_nothing_uncertain_is_made_up(reported: Report) -> None:
    assert reported([lead("a"), HELD_BACK], SOLID)["uncertain"] == [ALWAYS]


@pytest.mark.parametrize(
    ("rows", "how", "begins"),
    [
        ([lead("a"), HELD_BACK], {"toml": ""}, "Margins are not checked"),
        ([lead("a"), HELD_BACK], {"toml": "min_margin = 0.2"}, "[sales_ready] effective_from is"),
        (
            [lead("a"), HELD_BACK],
            {"without": ("margin_amount",)},
            "The agreement asks for a margin",
        ),
        ([lead("a", margin_amount=None), HELD_BACK], {}, "1 win without a margin"),
        (
            [lead("a", closed_at="2026-01-05"), lead("b"), HELD_BACK],
            {},
            "1 lead that could not be used",
        ),
        ([lead("a"), HELD_BACK | {"created_at": None}], {}, "1 lead with neither a creation"),
        ([lead("a")], {}, "Every lead of the data was handed off"),
        ([lead("a"), HELD_BACK], {"without": ("closed_at",)}, "Closing times are not mapped"),
        ([lead("a"), HELD_BACK], {"without": ("followed_up_at",)}, "Follow-ups are not recorded"),
        (
            [lead("a"), lead("b", followed_up_at=None, outcome="lost"), HELD_BACK],
            {},
            "The close rate is that of the leads sales chose to follow up in time",
        ),
        (
            [lead("a"), lead("b", probability=None), HELD_BACK],
            {},
            "1 matured hand-off without",
        ),
        (
            [lead("a"), lead("b", account="a"), HELD_BACK],
            {},
            "2 matured hand-offs of 1 company:",
        ),
    ],
)
def test_each_uncertainty_is_told_where_it_applies(
    reported: Report, rows: list[dict[str, object]], how: dict[str, Any], begins: str
) -> None:
    told = reported(rows, **({"toml": SOLID} | how))["uncertain"]
    assert any(sentence.startswith(begins) for sentence in told), told
    assert not any(sentence.startswith(begins) for sentence in [ALWAYS])


def test_what_counts_leads_is_uncertain_where_the_verdict_counts_companies(
    reported: Report,
) -> None:
    rows = [lead("a"), lead("b", account="a"), HELD_BACK]
    told = reported(rows, f'{SOLID}\nunit = "account"')["uncertain"]
    assert told[0] == ALWAYS
    assert told[1].startswith(
        "2 matured hand-offs of 1 company: the verdict counts companies, but slices,"
    )
    once = [lead("a"), lead("b"), HELD_BACK]
    assert reported(once, f'{SOLID}\nunit = "account"')["uncertain"] == [ALWAYS]


def test_wins_without_a_recorded_follow_up_are_told_with_the_rate_without_them(
    reported: Report,
) -> None:
    lost = lead("c", outcome="lost")
    rows = [lead("a"), lead("b", followed_up_at=None), lost, HELD_BACK]
    begins = "1 win without a recorded follow-up"
    told = reported(rows, SOLID)["uncertain"]
    assert told[0].startswith(f"{begins}; without them the close rate is 50 %. Where calls go")
    window = reported(rows, SOLID, since="2026-01-01")["uncertain"]
    assert any(sentence.startswith(f"{begins}. Where calls go unlogged") for sentence in window)
    every = reported(rows, f'{SOLID}\ncounts = "handed_off"')["uncertain"]
    assert not any(sentence.startswith(begins) for sentence in every)


def test_bulk_closings_are_told(reported: Report) -> None:
    lost = [
        lead(f"l{n}", outcome="lost", closed_at=f"2026-01-{12 + n:02d}T10:00") for n in range(12)
    ]
    bulk = [
        lead(f"b{n}", outcome="lost", closed_at="2026-02-20T10:00", followed_up_at=None)
        for n in range(30)
    ]
    values = reported([*lost, *bulk, HELD_BACK], SOLID)
    assert values["closed_in_bulk"] == 30
    assert any(
        sentence.startswith("30 matured hand-offs closed as lost in bulk")
        for sentence in values["uncertain"]
    )


def test_the_method_speaks_of_this_agreement(reported: Report) -> None:
    method = reported([lead("a")], "grace_days = 5\nconfidence = 0.9")["method"]
    assert method[0].startswith("A hand-off matures when 30 days and 5 days of grace have passed")
    assert method[1].startswith("Followed up means within 7 days of the hand-off.")
    assert "90 % confidence" in method[2]


def test_a_window_does_not_speak_of_a_sequence(reported: Report) -> None:
    assert not any("sequence" in one for one in reported([lead("a")], since="2026-01-01")["method"])


LEDGERS = """\
[leads]
id = "id"
outcome = "stage"
won = ["won"]
followed_up_at = "touched"
[sales_ready]
horizon_days = 30
follow_up_days = 7
"""


def test_hand_offs_that_were_written_down_knowing_how_they_ended_are_told(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    day = [0]

    def at(days: int) -> datetime:
        return start + timedelta(days=days)

    def told(on: int, event: str, lead: str, happened: int, **detail: Any) -> None:
        day[0] = on
        one = Event(
            event=event, lead=lead, happened_at=at(happened), detail=detail,
            idempotency_key=f"{event} {lead}",
        )  # fmt: skip
        assert [receipt.status for receipt in ledger.record([one])] == ["recorded"]

    (tmp_path / "leadml.toml").write_text(LEDGERS)
    with Ledger.open(f"sqlite:///{tmp_path / 'a.db'}", clock=lambda: at(day[0])) as ledger:
        for lead in ("kept", "moved", "mended"):
            told(1, "handed_off", lead, 0)
            told(2, "followed_up", lead, 1)
            told(9, "won", lead, 8)
        told(
            3, "corrected", "mended", 3, corrects="handed_off mended", happened_at=at(1).isoformat()
        )
        told(
            40, "corrected", "moved", 40, corrects="handed_off moved", happened_at=at(3).isoformat()
        )
        told(41, "won", "afterwards", 12)
        told(42, "handed_off", "afterwards", 5)
        values = report_values(ledger=ledger, config=tmp_path / "leadml.toml", as_of=at(60))
    assert values["sequence"]["handed_off_late"] == 2
    assert values["sequence"]["recorded_late"] == 1  # the win of day 12 that was told on day 41
    assert any(
        sentence.startswith("2 hand-offs recorded, or moved in time, only after the lead had")
        for sentence in values["uncertain"]
    )
